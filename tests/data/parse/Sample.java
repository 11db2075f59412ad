/*
 * Copyright 2020 The Authors. Licensed under the Apache License.
 */
package org.example.store;

import java.util.HashMap;
import java.util.Map;
import java.util.function.Function;

/**
 * Keeps values by key.
 *
 * @param <V> type of the values
 */
@Deprecated
public class Sample<V> implements Iterable<V> {
    private final Map<String, V> values = new HashMap<>();
    private static final int LIMIT;

    static {
        LIMIT = 10;
    }

    /** Starts empty. */
    public Sample() {
        this(LIMIT);
    }

    Sample(int limit) {
        super();
    }

    /**
     * Finds a value.
     */
    @Override
    @SuppressWarnings("unchecked")
    public V find(String key, Function<String, V> otherwise) throws StoreException {
        V value = values.get(key);
        if (value == null) {
            value = otherwise.apply(key);
            values.put(key, value);
        }
        return value;
    }

    public java.util.Iterator<V> iterator() {
        return new java.util.Iterator<V>() {
            @Override
            public boolean hasNext() {
                if (values.isEmpty()) {
                    return false;
                }
                return true;
            }

            @Override
            public V next() { return null; }
        };
    }

    private int trailing = 3;

    /** How it failed. */
    enum Failure {
        FULL, GONE;

        boolean fatal() {
            return this == GONE;
        }
    }

    interface Listener {
        void changed(String key);

        default void cleared() {
            changed(null);
        }
    }
}

record Pair<A, B>(A first, B second) {
    Pair {
        java.util.Objects.requireNonNull(first);
    }
}

@interface Marker {
    String value() default "";
}
