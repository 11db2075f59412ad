// Package ring keeps the last values of a stream.
package ring

import (
	"errors"
	"fmt"
)

// ErrEmpty is returned when nothing was pushed.
var ErrEmpty = errors.New("ring: empty")

const (
	small = 8
	large = 1024
)

// Ring holds the last n values.
type Ring[T any] struct {
	values []T
	next   int
}

// Sink takes values.
type Sink interface {
	Push(value int) error
}

type (
	// Size is a number of values.
	Size int

	option func(*config)

	config struct {
		size Size
	}
)

// New makes a ring.
func New[T any](size Size) *Ring[T] {
	return &Ring[T]{values: make([]T, 0, size)}
}

// Push adds a value,
// dropping the oldest.
func (r *Ring[T]) Push(value T) {
	if len(r.values) < cap(r.values) {
		r.values = append(r.values, value)
		return
	}
	r.values[r.next] = value
	r.next = (r.next + 1) % cap(r.values)
}

func (c config) String() string {
	return fmt.Sprint(c.size)
}

var describe = func(r *Ring[int]) string {
	return fmt.Sprintf("%d values", len(r.values))
}

func init() {
	go func() {
		fmt.Println("started")
	}()
}
