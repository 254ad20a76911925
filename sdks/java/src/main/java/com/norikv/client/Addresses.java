package com.norikv.client;

/** host:port, the host perhaps an IPv6 address in brackets. */
final class Addresses {
    private Addresses() {
    }

    static boolean isAddress(String text) {
        int colon = text.lastIndexOf(':');
        if (colon <= 0 || text.chars().anyMatch(c -> "/@?# ".indexOf(c) >= 0)) {
            return false;
        }
        String host = text.substring(0, colon);
        boolean bracketed = host.startsWith("[") && host.endsWith("]") && host.length() > 2;
        if ((host.indexOf(':') >= 0 || host.startsWith("[")) && !bracketed) {
            return false;
        }
        String port = text.substring(colon + 1);
        if (port.isEmpty() || port.length() > 5 || !port.chars().allMatch(c -> c >= '0' && c <= '9')) {
            return false;
        }
        int number = Integer.parseInt(port);
        return number > 0 && number < 65536;
    }
}
