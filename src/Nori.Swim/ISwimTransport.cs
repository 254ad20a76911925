namespace Nori.Swim;

/// <summary>Datagrams, as the node needs them: losing, doubling and reordering them is allowed, blocking is not.</summary>
/// <remarks>Used by one thread, except <see cref="Wake"/>, which any may call.</remarks>
public interface ISwimTransport : IDisposable
{
    /// <summary>Where others reach this node, host:port.</summary>
    string LocalAddress { get; }

    /// <summary>Sends once, without waiting; an unreachable or unreadable address is no error.</summary>
    void Send(string address, ReadOnlySpan<byte> datagram);

    /// <summary>Takes one that has arrived; false when there is none.</summary>
    /// <param name="buffer">Room for a datagram; a longer one is cut or dropped.</param>
    /// <param name="length">Its bytes; 0 for an empty one, or for one that got lost in being received.</param>
    /// <param name="source">Where it came from, host:port.</param>
    bool TryReceive(Span<byte> buffer, out int length, out string source);

    /// <summary>Returns when something has arrived, when woken, or after <paramref name="max"/>.</summary>
    void Wait(TimeSpan max);

    /// <summary>Ends a <see cref="Wait"/>, soon or at once.</summary>
    void Wake();
}
