using System.Collections.Concurrent;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Microsoft.AspNetCore.Server.Kestrel.Https;
using Nori.Core;

namespace Nori.Grpc.Server.Tests;

/// <summary>Lines: connections for frames beside a call.</summary>
public sealed class FrameLineTests
{
    private const int FrameBytesMax = 3 << 20;

    private static readonly GrpcMethod<FramePart, FramePart> Method = FramePart.Method("nori.test.Frames", "Stream");

    [Theory]
    [InlineData(true, false)]
    [InlineData(true, true)]
    [InlineData(false, false)]
    public async Task Frames_of_any_size_arrive_in_order_over_a_line_or_in_the_call(bool offers, bool tls)
    {
        await using var service = await Service.StartAsync(offers, tls);
        await using FrameLink link = service.Link();
        await Until(() => link.IsConnected);
        Prng random = new(3);
        List<byte[]> sent = [];
        foreach (int length in (int[])[0, 1, 3, 4096, 65_532, 65_536, 65_537, 200_000, FrameBytesMax, 5])
        {
            byte[] frame = new byte[length];
            random.Fill(frame);
            sent.Add(frame);
            Assert.True(link.TrySend(frame));
        }

        for (int i = 0; i < 500; i++)
        {
            sent.Add([(byte)i]);
            Assert.True(link.TrySend(sent[^1]));
        }

        await Until(() => service.Frames.Count == sent.Count);
        Assert.All(service.Frames.Zip(sent), static pair => Assert.True(pair.First.AsSpan().SequenceEqual(pair.Second)));
        Assert.Equal(offers ? 0 : sent.Count, service.InCall);
        Assert.Equal(0, link.DroppedFrames);
    }

    [Fact]
    public async Task Frames_of_many_threads_are_all_whole()
    {
        await using var service = await Service.StartAsync(offers: true);
        await using FrameLink link = service.Link();
        await Until(() => link.IsConnected);
        await Task.WhenAll(Enumerable.Range(0, 4).Select(thread => Task.Run(() =>
        {
            for (int i = 0; i < 500; i++) Assert.True(link.TrySend(Enumerable.Repeat((byte)thread, 1 + (i * 7)).ToArray()));
        })));
        await Until(() => service.Frames.Count == 2000);
        Assert.All(service.Frames, static frame => Assert.Equal(-1, frame.AsSpan().IndexOfAnyExcept(frame[0])));
        foreach (IGrouping<byte, byte[]> thread in service.Frames.GroupBy(static frame => frame[0]))
            Assert.Equal(Enumerable.Range(0, 500).Select(static i => 1 + (i * 7)), thread.Select(static frame => frame.Length));
    }

    [Fact]
    public async Task A_line_that_breaks_ends_its_call_and_both_are_made_again()
    {
        await using var service = await Service.StartAsync(offers: true);
        await using FrameLink link = service.Link();
        for (int round = 1; round <= 3; round++)
        {
            await Until(() => link.Connections == round && link.TrySend(new byte[] { 1 }));
            await Until(() => !service.Frames.IsEmpty);
            service.Frames.Clear();
            service.Offer!.Dispose();
        }

        await Until(() => link.Connections == 4);
    }

    [Fact]
    public async Task A_call_that_ends_ends_its_line()
    {
        await using var service = await Service.StartAsync(offers: true);
        FrameLink link = service.Link();
        await Until(() => link.TrySend(new byte[] { 1 }));
        FrameLineOffer offer = service.Offer!;
        await link.DisposeAsync();
        await Until(() => service.Ended == 1);
        using NetworkStream late = await OpenAsync(service, [.. FrameLineFormat.Preface, .. offer.Token.Span]);
        await AssertClosedAsync(late);
    }

    [Fact]
    public async Task Nobody_gets_a_line_without_its_token_or_with_one_that_is_taken()
    {
        await using var service = await Service.StartAsync(offers: true);
        await using FrameLink link = service.Link();
        await Until(() => link.TrySend(new byte[] { 1 }));
        byte[] guess = new byte[FrameLineFormat.TokenBytes];
        foreach (byte[] token in (byte[][])[guess, service.Offer!.Token.ToArray()])
        {
            using NetworkStream stranger = await OpenAsync(service, [.. FrameLineFormat.Preface, .. token]);
            await AssertClosedAsync(stranger);
        }

        // Who has it keeps it.
        Assert.True(link.TrySend(new byte[] { 2 }));
        await Until(() => service.Frames.Count == 2);
        Assert.Equal(1, link.Connections);
    }

    [Fact]
    public async Task A_token_that_does_not_come_is_not_waited_for_longer_than_a_preface()
    {
        await using var service = await Service.StartAsync(offers: true, prefaceTimeout: TimeSpan.FromMilliseconds(200));
        using NetworkStream silent = await OpenAsync(service, FrameLineFormat.Preface.ToArray());
        await AssertClosedAsync(silent);
        using NetworkStream partial = await OpenAsync(service, FrameLineFormat.Preface[..7].ToArray());
        await AssertClosedAsync(partial);
    }

    [Fact]
    public async Task A_frame_that_is_larger_than_it_may_be_ends_the_line()
    {
        await using var service = await Service.StartAsync(offers: true);
        using GrpcChannel channel = GrpcChannel.ForAddress($"127.0.0.1:{service.Port}");
        using GrpcDuplexCall<FramePart, FramePart> call = channel.DuplexStreaming(Method);
        await call.WriteAsync(new FramePart(new byte[1], true));
        await using IAsyncEnumerator<FramePart> answers = call.ReadAllAsync().GetAsyncEnumerator();
        Assert.True(await answers.MoveNextAsync());
        byte[] opening = [.. FrameLineFormat.Preface, .. answers.Current.Bytes.Span];
        using NetworkStream line = await OpenAsync(service, opening);
        Assert.Equal(FrameLineFormat.Accepted, line.ReadByte());
        byte[] head = new byte[FrameLineFormat.HeadBytes];
        FrameLineFormat.WriteHead(head, FrameBytesMax + 1);
        await line.WriteAsync(head);
        await AssertClosedAsync(line);
        await Assert.ThrowsAsync<GrpcException>(async () => await answers.MoveNextAsync());
        Assert.Empty(service.Frames);
    }

    private static async Task<NetworkStream> OpenAsync(Service service, byte[] bytes)
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync("127.0.0.1", service.Port);
        var stream = new NetworkStream(socket, ownsSocket: true);
        await stream.WriteAsync(bytes);
        return stream;
    }

    private static async Task AssertClosedAsync(NetworkStream stream)
    {
        using CancellationTokenSource patience = new(TimeSpan.FromMinutes(1));
        int read = 0;
        try
        {
            read = await stream.ReadAsync(new byte[1], patience.Token);
        }
        catch (IOException)
        {
            // A reset is an end, too.
        }

        Assert.Equal(0, read);
    }

    // A minute is no expectation: it only ends a test that hangs.
    private static async Task Until(Func<bool> condition)
    {
        using CancellationTokenSource patience = new(TimeSpan.FromMinutes(1));
        while (!condition()) await Task.Delay(5, patience.Token);
    }

    private sealed class Service : IAsyncDisposable
    {
        private readonly bool _offers;
        private readonly bool _tls;
        private GrpcServer _server = null!;
        private static readonly X509Certificate2 Own = Certificate();

        private int _inCall;
        private int _ended;

        private Service(bool offers, bool tls) => (_offers, _tls) = (offers, tls);

        public ConcurrentQueue<byte[]> Frames { get; } = new();

        public FrameLineOffer? Offer { get; private set; }

        public int InCall => Volatile.Read(ref _inCall);

        public int Ended => Volatile.Read(ref _ended);

        public int Port => _server.EndPoints[0].Port;

        public static async Task<Service> StartAsync(bool offers, bool tls = false, TimeSpan? prefaceTimeout = null)
        {
            var service = new Service(offers, tls);
            GrpcServiceDefinition definition = new GrpcServiceDefinition("nori.test.Frames").AddDuplex(Method, service.TakeAsync);
            service._server = await GrpcServer.StartAsync(
                [definition],
                new System.Net.IPEndPoint(System.Net.IPAddress.Loopback, 0),
                endpoint: new GrpcEndpointOptions
                {
                    PrefaceTimeout = prefaceTimeout ?? TimeSpan.FromSeconds(30),
                    Tls = tls ? new HttpsConnectionAdapterOptions { ServerCertificate = Own } : null,
                });
            return service;
        }

        public FrameLink Link() => new(new FrameLinkOptions
        {
            Channel = new GrpcChannelOptions
            {
                Address = new Uri($"{(_tls ? "https" : "http")}://127.0.0.1:{Port}"),
                Tls = !_tls ? null : new SslClientAuthenticationOptions
                {
                    RemoteCertificateValidationCallback = static (_, shown, _, _) => shown?.GetCertHashString() == Own.GetCertHashString(),
                },
            },
            Method = Method,
            Hello = new byte[1],
            Judge = static _ => null,
            LineTokenOf = static answer => answer,
            HelloTimeout = TimeSpan.FromSeconds(30),
        });

        public async ValueTask DisposeAsync() => await _server.DisposeAsync();

        private async Task TakeAsync(
            GrpcRequestStream<FramePart> parts, GrpcResponseStream<FramePart> answers, ServerCallContext context)
        {
            await parts.MoveNextAsync();
            using FrameLineOffer? offer = _offers
                ? context.OfferLine(FrameBytesMax, frame => Frames.Enqueue(frame.ToArray())) : null;
            Offer = offer;
            try
            {
                await answers.WriteAsync(new FramePart(offer?.Token ?? default, true));
                var assembler = new FrameAssembler(FrameBytesMax);
                while (await parts.MoveNextAsync())
                {
                    if (!assembler.TryAdd(parts.Current, out ReadOnlyMemory<byte> frame)) continue;
                    Interlocked.Increment(ref _inCall);
                    Frames.Enqueue(frame.ToArray());
                }
            }
            finally
            {
                offer?.Dispose();
                Interlocked.Increment(ref _ended);
            }
        }

        private static X509Certificate2 Certificate()
        {
            using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
            var request = new CertificateRequest("CN=line", key, HashAlgorithmName.SHA256);
            DateTimeOffset now = TimeProvider.System.GetUtcNow();
            using X509Certificate2 made = request.CreateSelfSigned(now.AddDays(-1), now.AddDays(1));
            return X509CertificateLoader.LoadPkcs12(made.Export(X509ContentType.Pkcs12), null);
        }
    }
}
