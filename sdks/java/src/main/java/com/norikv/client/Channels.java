package com.norikv.client;

import io.grpc.ChannelCredentials;
import io.grpc.InsecureChannelCredentials;
import io.grpc.ManagedChannel;
import io.grpc.TlsChannelCredentials;
import io.grpc.netty.NettyChannelBuilder;
import io.netty.channel.ChannelOption;
import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Objects;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** Makes the channel of a node. */
final class Channels {
    static final String VERSION = "0.1.0";

    private final ClientOptions options;
    private final ChannelCredentials credentials;
    private final String serverName;

    Channels(ClientOptions options) {
        this.options = options;
        TlsOptions tls = options.tls();
        credentials = tls == null ? InsecureChannelCredentials.create() : credentials(tls);
        serverName = tls == null ? null : tls.serverName;
    }

    ManagedChannel open(String address) {
        int colon = address.lastIndexOf(':');
        String host = address.substring(0, colon);
        if (host.startsWith("[")) {
            host = host.substring(1, host.length() - 1);
        }
        NettyChannelBuilder builder = NettyChannelBuilder
            .forAddress(host, Integer.parseInt(address.substring(colon + 1)), credentials)
            .directExecutor() // answers only settle futures; what callers hang on them runs elsewhere
            .disableRetry() // ours are keyed and within the deadline
            .disableServiceConfigLookUp()
            .proxyDetector(target -> null)
            .withOption(ChannelOption.CONNECT_TIMEOUT_MILLIS, (int) Math.min(options.connectTimeout().toMillis(), Integer.MAX_VALUE))
            .maxInboundMessageSize(options.inboundMessageBytesMax())
            .keepAliveTime(options.keepAlive().toMillis(), TimeUnit.MILLISECONDS)
            .keepAliveTimeout(10, TimeUnit.SECONDS)
            .userAgent("norikv-java/" + VERSION);
        if (serverName != null) {
            builder.overrideAuthority(serverName);
        }
        return builder.build();
    }

    private static File pem(Path file) throws IOException {
        if (!Files.readString(file, StandardCharsets.ISO_8859_1).contains("-----BEGIN ")) {
            throw NoriKVException.of(Code.INVALID_ARGUMENT, "TLS: " + file + " is no PEM file");
        }
        return file.toFile();
    }

    private static ChannelCredentials credentials(TlsOptions tls) {
        try {
            TlsChannelCredentials.Builder builder = TlsChannelCredentials.newBuilder();
            if (tls.authorities != null) {
                builder.trustManager(pem(tls.authorities));
            }
            if (tls.certificate != null) {
                builder.keyManager(pem(tls.certificate), pem(tls.key));
            }
            ChannelCredentials credentials = builder.build();
            NettyChannelBuilder.forAddress("localhost", 1, credentials); // only this reads what is within the files
            return credentials;
        } catch (IOException | IllegalArgumentException e) {
            String files = Stream.of(tls.authorities, tls.certificate, tls.key).filter(Objects::nonNull).map(Path::toString)
                .collect(Collectors.joining(", "));
            throw NoriKVException.of(Code.INVALID_ARGUMENT, "TLS: " + files + ": " + e.getMessage(), null, java.time.Duration.ZERO, e);
        }
    }
}
