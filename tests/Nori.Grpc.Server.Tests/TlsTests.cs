using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Microsoft.AspNetCore.Server.Kestrel.Https;

namespace Nori.Grpc.Server.Tests;

public sealed class TlsTests
{
    private static readonly byte[] Hello = "hi"u8.ToArray();

    [Fact]
    public async Task Calls_run_over_tls_and_plaintext_clients_are_refused()
    {
        using X509Certificate2 certificate = Certificate("CN=server");
        await using TestServer server = await TestServer.StartAsync(endpoint: new GrpcEndpointOptions
        {
            Tls = new HttpsConnectionAdapterOptions { ServerCertificate = certificate },
        });
        using GrpcChannel trusting = Channel(server, new SslClientAuthenticationOptions
        {
            RemoteCertificateValidationCallback = (_, remote, _, _) => remote!.Subject == "CN=server",
        });
        Assert.Equal(Hello, (await trusting.UnaryAsync(EchoService.Say, Hello)).ToArray());

        using GrpcChannel careful = Channel(server, null);
        var untrusted = await Assert.ThrowsAsync<GrpcException>(() => careful.UnaryAsync(EchoService.Say, Hello));
        Assert.Equal(GrpcStatusCode.Unavailable, untrusted.Code);
        var plaintext = await Assert.ThrowsAsync<GrpcException>(() => server.Channel.UnaryAsync(EchoService.Say, Hello));
        Assert.Equal(GrpcStatusCode.Unavailable, plaintext.Code);
    }

    [Fact]
    public async Task A_client_certificate_is_required_where_asked_for_and_shown_to_handlers()
    {
        using X509Certificate2 certificate = Certificate("CN=server");
        using X509Certificate2 client = Certificate("CN=peer");
        await using TestServer server = await TestServer.StartAsync(endpoint: new GrpcEndpointOptions
        {
            Tls = new HttpsConnectionAdapterOptions
            {
                ServerCertificate = certificate,
                ClientCertificateMode = ClientCertificateMode.RequireCertificate,
                ClientCertificateValidation = (remote, _, _) => remote.Subject == "CN=peer",
            },
        });
        using GrpcChannel known = Channel(server, new SslClientAuthenticationOptions
        {
            RemoteCertificateValidationCallback = (_, remote, _, _) => remote!.Subject == "CN=server",
            ClientCertificates = [client],
        });
        using var cancel = new CancellationTokenSource();
        Task hanging = known.UnaryAsync(EchoService.Hang, Hello, new GrpcCallOptions { CancellationToken = cancel.Token });
        ServerCallContext context = await server.Echo.Hanging.Task.WaitAsync(TimeSpan.FromSeconds(60));
        Assert.Equal("CN=peer", context.ClientCertificate!.Subject);
        await cancel.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => hanging);

        using GrpcChannel unknown = Channel(server, new SslClientAuthenticationOptions
        {
            RemoteCertificateValidationCallback = (_, remote, _, _) => remote!.Subject == "CN=server",
        });
        var e = await Assert.ThrowsAsync<GrpcException>(() => unknown.UnaryAsync(EchoService.Say, Hello));
        Assert.Equal(GrpcStatusCode.Unavailable, e.Code);
    }

    [Fact]
    public async Task A_connection_that_does_not_begin_tls_is_closed()
    {
        using X509Certificate2 certificate = Certificate("CN=server");
        await using TestServer server = await TestServer.StartAsync(endpoint: new GrpcEndpointOptions
        {
            Tls = new HttpsConnectionAdapterOptions { ServerCertificate = certificate },
            PrefaceTimeout = TimeSpan.FromMilliseconds(500),
        });
        using RawHttp2 silent = await RawHttp2.ConnectAsync(server.Port);
        Assert.True(await silent.IsClosedWithinAsync(TimeSpan.FromSeconds(60)));
    }

    private static GrpcChannel Channel(TestServer server, SslClientAuthenticationOptions? tls) => new(
        new GrpcChannelOptions { Address = new Uri($"https://127.0.0.1:{server.Port}"), Tls = tls });

    private static X509Certificate2 Certificate(string subject)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest(subject, key, HashAlgorithmName.SHA256);
        return request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
    }
}
