using System.IO.Pipelines;
using Nori.Core;

namespace Nori.Grpc.Server.Tests;

public sealed class CancellationTests
{
    [Fact]
    public async Task However_calls_are_left_none_goes_on_at_the_server()
    {
        var faults = new System.Collections.Concurrent.ConcurrentQueue<Exception>();
        await using TestServer server = await TestServer.StartAsync(
            new GrpcServerOptions { OnHandlerFault = (_, fault) => faults.Enqueue(fault) });
        const int Calls = 600;
        await Parallel.ForEachAsync(
            Enumerable.Range(0, Calls),
            new ParallelOptions { MaxDegreeOfParallelism = 16 },
            async (i, _) => await LeaveAsync(server, new Prng((ulong)i)));
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        while (server.Server.Dispatcher is not { RunningCalls: 0, BufferedBytes: 0 } && !patience.IsCancellationRequested)
            await Task.Delay(10, TestContext.Current.CancellationToken);
        Assert.Equal(0, server.Server.Dispatcher.RunningCalls);
        Assert.Equal(0, server.Server.Dispatcher.BufferedBytes);
        Assert.Empty(faults);
    }

    /// <summary>
    /// A client had gone in the moment in which the server stopped: the body of its request threw out of the token that ends all reads,
    /// and the server's stopping failed.
    /// </summary>
    [Fact]
    public void The_body_of_an_aborted_request_fails_nobody_who_ends_its_read()
    {
        using var stopping = new CancellationTokenSource();
        using CancellationTokenRegistration first = Register(new AbortedBody());
        var pipe = new Pipe();
        using CancellationTokenRegistration second = Register(pipe.Reader);
        stopping.Cancel();
        Assert.True(pipe.Reader.TryRead(out ReadResult read) && read.IsCanceled);

        CancellationTokenRegistration Register(PipeReader body) => stopping.Token.UnsafeRegister(
            static body => RequestInput.CancelRead((PipeReader)body!), body);
    }

    private sealed class AbortedBody : PipeReader
    {
        public override void CancelPendingRead() => throw new IOException("The request stream was aborted.");

        public override void AdvanceTo(SequencePosition consumed) => throw new NotSupportedException();

        public override void AdvanceTo(SequencePosition consumed, SequencePosition examined) => throw new NotSupportedException();

        public override void Complete(Exception? exception = null) => throw new NotSupportedException();

        public override bool TryRead(out ReadResult result) => throw new NotSupportedException();

        public override ValueTask<ReadResult> ReadAsync(CancellationToken cancellationToken = default) =>
            throw new NotSupportedException();
    }

    private static async Task LeaveAsync(TestServer server, Prng prng)
    {
        using var cancel = new CancellationTokenSource();
        var options = new GrpcCallOptions
        {
            CancellationToken = cancel.Token,
            Timeout = prng.Chance(0.3) ? TimeSpan.FromMilliseconds(prng.NextInt(20)) : null,
        };
        int read = prng.NextInt(5);
        int how = prng.NextInt(4);
        var call = server.Channel.ServerStreaming(EchoService.Repeat, new byte[] { 255, 1, 2, 3 }, options);
        try
        {
            await foreach (ReadOnlyMemory<byte> _ in call)
            {
                if (read-- > 0) continue;
                if (how == 0) break;
                if (how == 1) await cancel.CancelAsync();
                if (how == 2) call.Dispose();
                if (how == 3) throw new InvalidOperationException();
            }
        }
        catch (Exception e) when (e is GrpcException or OperationCanceledException or InvalidOperationException)
        {
            // Each way out is right; what counts is what the server sees.
        }
    }
}
