using System.Buffers;
using System.IO.Pipelines;
using Microsoft.AspNetCore.Connections;

namespace Nori.Grpc.Server;

/// <summary>
/// Bounds the connections of an endpoint, and apart those that have sent no HTTP/2 preface: until then
/// Kestrel's HTTP/2 machinery is not started for them, and they may be dropped in favour of newer ones.
/// </summary>
internal sealed class ConnectionGuard(GrpcEndpointOptions options)
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

    /// <summary>After TLS: waits for the preface, and leaves it for Kestrel to read.</summary>
    public ConnectionDelegate AwaitPreface(ConnectionDelegate next) => async connection =>
    {
        if (!await HasPrefaceAsync(connection.Transport.Input).ConfigureAwait(false))
        {
            connection.Abort(new ConnectionAbortedException("No HTTP/2 preface."));
            return;
        }

        if (connection.Items.TryGetValue(this, out object? node)) Leave((LinkedListNode<ConnectionContext>)node!);
        await next(connection).ConfigureAwait(false);
    };

    private async ValueTask<bool> HasPrefaceAsync(PipeReader input)
    {
        using var timer = new CancellationTokenSource(options.PrefaceTimeout);
        long examined = 0;
        try
        {
            while (true)
            {
                ReadResult read = await input.ReadAsync(timer.Token).ConfigureAwait(false);
                ReadOnlySequence<byte> buffer = read.Buffer;
                // What is no preface is Kestrel's to refuse.
                bool decided = buffer.Length >= Preface.Length || !StartsPreface(buffer);
                // Examined never goes back; left where it was, Kestrel's first read completes at once.
                input.AdvanceTo(buffer.Start, decided ? buffer.GetPosition(examined) : buffer.End);
                if (decided) return true;
                if (read.IsCompleted) return false;
                examined = buffer.Length;
            }
        }
        catch (Exception e) when (e is OperationCanceledException or IOException)
        {
            return false;
        }
    }

    private static bool StartsPreface(in ReadOnlySequence<byte> buffer)
    {
        Span<byte> start = stackalloc byte[24];
        start = start[..(int)Math.Min(buffer.Length, start.Length)];
        buffer.Slice(0, start.Length).CopyTo(start);
        return Preface.StartsWith(start);
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
}
