package com.norikv.client;

import java.nio.file.Path;
import java.util.Objects;

/** How to speak TLS to the nodes. Immutable; files are PEM. */
public final class TlsOptions {
    final Path authorities;
    final Path certificate;
    final Path key;
    final String serverName;

    private TlsOptions(Path authorities, Path certificate, Path key, String serverName) {
        this.authorities = authorities;
        this.certificate = certificate;
        this.key = key;
        this.serverName = serverName;
    }

    /**
     * Trusts what the platform trusts.
     *
     * @return the options
     */
    public static TlsOptions system() {
        return new TlsOptions(null, null, null, null);
    }

    /**
     * Trusts only these authorities.
     *
     * @param authorities certificates of authorities
     * @return the options
     */
    public static TlsOptions trusting(Path authorities) {
        return new TlsOptions(Objects.requireNonNull(authorities), null, null, null);
    }

    /**
     * Shows a certificate of its own to the nodes (mTLS).
     *
     * @param chain the certificate with its chain
     * @param privateKey its key, PKCS#8
     * @return the options with it
     */
    public TlsOptions withCertificate(Path chain, Path privateKey) {
        return new TlsOptions(authorities, Objects.requireNonNull(chain), Objects.requireNonNull(privateKey), serverName);
    }

    /**
     * Expects this name in the nodes' certificates instead of the host that was dialled.
     *
     * @param name the name
     * @return the options with it
     */
    public TlsOptions withServerName(String name) {
        return new TlsOptions(authorities, certificate, key, Objects.requireNonNull(name));
    }
}
