package com.norikv.client;

import java.time.Duration;

/** The key is missing and the caller said that it must exist. */
public final class NotFoundException extends NoriKVException {
    private static final long serialVersionUID = 1L;

    NotFoundException(String message) {
        super(Code.NOT_FOUND, message, null, Duration.ZERO, null);
    }
}
