/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#define RING_SIZE 16
#define RING_NEXT(i) \
	(((i) + 1) % RING_SIZE)

struct ring;
static int ring_full(const struct ring *r);

/* A ring of bytes. */
struct ring {
	unsigned char data[RING_SIZE];
	int head, tail;
};

typedef struct {
	int x, y;
} point_t;

typedef int (*compare_fn)(const void *, const void *);

enum color { RED, GREEN };

union value {
	int i;
	double d;
};

static struct ring default_ring = { .head = 0 };

/**
 * Make a ring.
 */
struct ring *
ring_new(void)
{
	struct ring *r = calloc(1, sizeof(*r));
	return r;
}

#ifdef RING_DEBUG
// Is there room?
static int ring_full(const struct ring *r)
{
	return RING_NEXT(r->head) == r->tail;
}
#else
static int ring_full(const struct ring *r) { return 0; }
#endif

static char **ring_names(int count) {
	return malloc(count * sizeof(char *));
}

int (*ring_compare(void))(const void *, const void *)
{
	return 0;
}

extern int ring_global;
