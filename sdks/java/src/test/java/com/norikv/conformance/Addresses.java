package com.norikv.conformance;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.util.ArrayList;
import java.util.List;

/** What a client is to dial: the server, one that says nothing, or what is spelled out. */
final class Addresses {
    private final List<String> own;
    private ServerSocket silent;

    Addresses(List<String> own) {
        this.own = own;
    }

    String[] of(Fields options) {
        List<String> found = new ArrayList<>();
        for (Object name : options.has("addresses") ? options.list("addresses") : List.of("server")) {
            if (name.equals("server")) {
                found.addAll(own);
            } else {
                found.add(name.equals("silent") ? "127.0.0.1:" + silentPort() : name.toString());
            }
        }
        return found.toArray(String[]::new);
    }

    // It takes connections and says nothing: nobody accepts them.
    private int silentPort() {
        try {
            if (silent == null) {
                silent = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
            }
            return silent.getLocalPort();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    void close() {
        try {
            if (silent != null) {
                silent.close();
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
