package com.norikv.client;

import static com.norikv.client.Bytes.utf8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.norikv.client.testing.EphemeralServer;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyStore;
import java.time.Duration;
import java.util.Base64;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TlsTest {
    @TempDir
    Path folder;

    @Test
    void theNodesCertificateIsJudged() throws Exception {
        Path certificate = folder.resolve("cert.pem");
        Path key = folder.resolve("key.pem");
        make("localhost", certificate, key);
        Path other = folder.resolve("other.pem");
        make("other", other, folder.resolve("other-key.pem"));
        String settings = "tls: { cert: \"" + certificate + "\", key: \"" + key + "\" }\n";
        try (EphemeralServer server = EphemeralServer.builder().configuration(settings).start()) {
            String address = server.address();
            TlsOptions trusting = TlsOptions.trusting(certificate).withServerName("localhost");
            try (NoriKVClient kv = NoriKVClient.builder().addresses(address).tls(trusting).deadline(Duration.ofMinutes(1)).build()) {
                kv.put(utf8("a"), utf8("1"));
                assertEquals("1", kv.get(utf8("a")).text());
            }
            NoriKVException untrusted = refused(address, TlsOptions.trusting(other).withServerName("localhost"));
            assertEquals(Code.UNAVAILABLE, untrusted.code());
            assertEquals(Code.UNAVAILABLE, refused(address, TlsOptions.trusting(certificate).withServerName("elsewhere")).code());
        }
    }

    @Test
    void whatIsNoPemFileIsRefusedAtOnce() throws Exception {
        Path nonsense = Files.writeString(folder.resolve("nonsense.pem"), "nonsense");
        Path damaged = Files.writeString(
            folder.resolve("damaged.pem"), "-----BEGIN CERTIFICATE-----\nbm9uc2Vuc2U=\n-----END CERTIFICATE-----\n");
        for (Path file : new Path[] {nonsense, damaged, folder.resolve("absent.pem")}) {
            ClientBuilder builder = NoriKVClient.builder().addresses("127.0.0.1:1").tls(TlsOptions.trusting(file));
            assertThrows(InvalidArgumentException.class, builder::build);
        }
    }

    private static NoriKVException refused(String address, TlsOptions tls) {
        try (NoriKVClient kv = NoriKVClient.builder().addresses(address).tls(tls).deadline(Duration.ofSeconds(2)).build()) {
            return assertThrows(NoriKVException.class, () -> kv.put(utf8("a"), utf8("1")));
        }
    }

    private void make(String name, Path certificate, Path key) throws Exception {
        Path store = folder.resolve(name + ".p12");
        Process keytool = new ProcessBuilder(
            Path.of(System.getProperty("java.home"), "bin", "keytool").toString(), "-genkeypair", "-alias", "a", "-keyalg", "EC",
            "-dname", "CN=" + name, "-ext", "SAN=dns:" + name, "-storetype", "PKCS12", "-keystore", store.toString(), "-storepass",
            "secret").redirectErrorStream(true).start();
        String said = new String(keytool.getInputStream().readAllBytes());
        assertEquals(0, keytool.waitFor(), said);
        KeyStore loaded = KeyStore.getInstance("PKCS12");
        try (InputStream in = Files.newInputStream(store)) {
            loaded.load(in, "secret".toCharArray());
        }
        Files.writeString(certificate, pem("CERTIFICATE", loaded.getCertificate("a").getEncoded()));
        Files.writeString(key, pem("PRIVATE KEY", loaded.getKey("a", "secret".toCharArray()).getEncoded()));
    }

    private static String pem(String kind, byte[] der) {
        return "-----BEGIN " + kind + "-----\n" + Base64.getMimeEncoder(64, new byte[] {'\n'}).encodeToString(der)
            + "\n-----END " + kind + "-----\n";
    }
}
