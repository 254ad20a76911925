using System.Buffers;
using System.IO.Pipelines;
using Microsoft.AspNetCore.Connections;

namespace Nori.Grpc.Server;

/// <summary>
/// Bounds the connections of an endpoint, and apart those that have sent no HTTP/2 preface: until then
/// Kestrel's HTTP/2 machinery is not started for them, and they may be dropped in favour of newer ones.
/// </summary>
internal sealed class ConnectionGuard(GrpcEndpointOptions options, FrameLines? lines)
{
    private static ReadOnlySpan<byte> Preface => "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"u8;

    private readonly Lock _lock = new(); // Guards _halfOpen.
    private readonly LinkedList<ConnectionContext> _halfOpen = new();
    private int _open;

    /// <summary>Before TLS: counts the connection.</summary>
    public ConnectionDelegate Admit(ConnectionDelegate next) => async connection =>
    {
        try
        {
            if (Interlocked.Increment(ref _open) > options.MaxConnections)
            {
                connection.Abort(new ConnectionAbortedException("Too many connections."));
                return;
            }

            var node = new LinkedListNode<ConnectionContext>(connection);
            connection.Items[this] = node;
            Enter(node);
            try
            {
                await next(connection).ConfigureAwait(false);
            }
            finally
            {
                Leave(node);
            }
        }
        finally
        {
            Interlocked.Decrement(ref _open);
        }
    };

    /// <summary>After TLS: waits for the preface, and leaves it for Kestrel to read, or for the lines.</summary>
    public ConnectionDelegate AwaitPreface(ConnectionDelegate next) => async connection =>
    {
        using var patience = new CancellationTokenSource(options.PrefaceTimeout);
        Opening opening = await OpeningOfAsync(connection.Transport.Input, patience.Token).ConfigureAwait(false);
        if (opening == Opening.Undecided)
        {
            connection.Abort(new ConnectionAbortedException("No HTTP/2 preface."));
            return;
        }

        if (connection.Items.TryGetValue(this, out object? node)) Leave((LinkedListNode<ConnectionContext>)node!);
        await (opening == Opening.Line ? lines!.RunAsync(connection, patience.Token) : next(connection)).ConfigureAwait(false);
    };

    private async ValueTask<Opening> OpeningOfAsync(PipeReader input, CancellationToken patience)
    {
        long examined = 0;
        try
        {
            while (true)
            {
                ReadResult read = await input.ReadAsync(patience).ConfigureAwait(false);
                ReadOnlySequence<byte> buffer = read.Buffer;
                Opening opening = Judge(buffer);
                // Examined never goes back; left where it was, Kestrel's first read completes at once.
                bool decided = opening != Opening.Undecided;
                input.AdvanceTo(buffer.Start, decided ? buffer.GetPosition(examined) : buffer.End);
                if (decided || read.IsCompleted) return opening;
                examined = buffer.Length;
            }
        }
        catch (Exception e) when (e is OperationCanceledException or IOException)
        {
            return Opening.Undecided;
        }
    }

    // What is no preface is Kestrel's to refuse.
    private Opening Judge(in ReadOnlySequence<byte> buffer)
    {
        Span<byte> start = stackalloc byte[24];
        start = start[..(int)Math.Min(buffer.Length, start.Length)];
        buffer.Slice(0, start.Length).CopyTo(start);
        if (lines is not null && start.StartsWith(FrameLineFormat.Preface)) return Opening.Line;
        bool mayBecome = Preface.StartsWith(start) || (lines is not null && FrameLineFormat.Preface.StartsWith(start));
        return mayBecome && start.Length < Preface.Length ? Opening.Undecided : Opening.Http2;
    }

    private void Enter(LinkedListNode<ConnectionContext> node)
    {
        ConnectionContext? oldest = null;
        lock (_lock)
        {
            _halfOpen.AddLast(node);
            if (_halfOpen.Count > options.MaxHalfOpenConnections)
            {
                oldest = _halfOpen.First!.Value;
                _halfOpen.RemoveFirst();
            }
        }

        oldest?.Abort(new ConnectionAbortedException("Too many connections without a preface."));
    }

    private void Leave(LinkedListNode<ConnectionContext> node)
    {
        lock (_lock)
        {
            if (node.List is not null) _halfOpen.Remove(node);
        }
    }

    private enum Opening
    {
        Undecided,
        Http2,
        Line,
    }
}
