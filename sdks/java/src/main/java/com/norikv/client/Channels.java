package com.norikv.client;

import io.grpc.ChannelCredentials;
import io.grpc.InsecureChannelCredentials;
import io.grpc.ManagedChannel;
import io.grpc.TlsChannelCredentials;
import io.grpc.netty.NettyChannelBuilder;
import io.netty.channel.ChannelOption;
import java.io.IOException;
import java.util.concurrent.TimeUnit;

/** Makes the channel of a node. */
final class Channels {
    static final String VERSION = "0.1.0";

    private static final int INBOUND_BYTES_MAX = 64 << 20;
    private static final int CONNECT_MS = 3000;

    private final ChannelCredentials credentials;
    private final String serverName;

    Channels(TlsOptions tls) {
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
            .withOption(ChannelOption.CONNECT_TIMEOUT_MILLIS, CONNECT_MS)
            .maxInboundMessageSize(INBOUND_BYTES_MAX)
            .keepAliveTime(20, TimeUnit.SECONDS)
            .keepAliveTimeout(10, TimeUnit.SECONDS)
            .userAgent("norikv-java/" + VERSION);
        if (serverName != null) {
            builder.overrideAuthority(serverName);
        }
        return builder.build();
    }

    private static ChannelCredentials credentials(TlsOptions tls) {
        try {
            TlsChannelCredentials.Builder builder = TlsChannelCredentials.newBuilder();
            if (tls.authorities != null) {
                builder.trustManager(tls.authorities.toFile());
            }
            if (tls.certificate != null) {
                builder.keyManager(tls.certificate.toFile(), tls.key.toFile());
            }
            return builder.build();
        } catch (IOException e) {
            throw NoriKVException.of(Code.INVALID_ARGUMENT, "TLS: " + e.getMessage(), null, java.time.Duration.ZERO, e);
        }
    }
}
