package com.norikv.conformance;

import java.util.List;
import java.util.Map;

/** A JSON object read by name. */
record Fields(Map<String, Object> map) {
    @SuppressWarnings("unchecked")
    static Fields of(Object json) {
        return new Fields(json == null ? Map.of() : (Map<String, Object>) json);
    }

    boolean has(String name) {
        return map.containsKey(name);
    }

    Object get(String name) {
        return map.get(name);
    }

    Fields fields(String name) {
        return of(map.get(name));
    }

    @SuppressWarnings("unchecked")
    List<Object> list(String name) {
        return (List<Object>) map.get(name);
    }

    String text(String name) {
        return (String) map.get(name);
    }

    boolean flag(String name) {
        return Boolean.TRUE.equals(map.get(name));
    }

    long wide(String name) {
        return ((Number) map.get(name)).longValue();
    }

    int number(String name) {
        return number(map.get(name));
    }

    static int number(Object value) {
        return value instanceof Number n ? n.intValue() : value instanceof String s && !s.isEmpty() ? Integer.parseInt(s) : 0;
    }
}
