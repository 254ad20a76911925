using System.Security.Cryptography;
using Microsoft.AspNetCore.Connections;

namespace Nori.Grpc.Server;

/// <summary>A line that a call offers its client: <see cref="ServerCallContext.OfferLine"/>. Dispose it when the call ends.</summary>
public sealed class FrameLineOffer : IDisposable
{
    private readonly FrameLines _lines;
    private readonly Action _ended;

    // Guards what follows.
    private readonly Lock _gate = new();
    private ConnectionContext? _connection;
    private bool _isTaken;

    internal FrameLineOffer(FrameLines lines, int frameBytesMax, Action<ReadOnlyMemory<byte>> received, Action ended)
    {
        (_lines, FrameBytesMax, Received, _ended) = (lines, frameBytesMax, received, ended);
        byte[] token = new byte[FrameLineFormat.TokenBytes];
        RandomNumberGenerator.Fill(token);
        Token = token;
    }

    /// <summary>Tells the client's connection to whom it belongs: good for one, while the call lives. Keep it secret.</summary>
    public ReadOnlyMemory<byte> Token { get; }

    internal int FrameBytesMax { get; }

    internal Action<ReadOnlyMemory<byte>> Received { get; }

    internal string Key => FrameLines.KeyOf(Token.Span);

    /// <summary>Ends the line.</summary>
    public void Dispose()
    {
        _lines.Forget(this);
        ConnectionContext? connection;
        lock (_gate) (connection, _connection, _isTaken) = (_connection, null, true);
        connection?.Abort(new ConnectionAbortedException("Its call ended."));
    }

    /// <summary>False when another connection has it, or the call is over.</summary>
    internal bool TryTake(ConnectionContext connection)
    {
        lock (_gate)
        {
            if (_isTaken) return false;
            (_connection, _isTaken) = (connection, true);
            return true;
        }
    }

    internal void NoteEnd()
    {
        bool wasIts;
        lock (_gate) (wasIts, _connection) = (_connection is not null, null);
        if (wasIts) _ended();
    }
}
