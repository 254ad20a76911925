using NoriKV.Node.Ports;
using NoriKV.Types;

namespace NoriKV.Node.Peers;

/// <summary>All calls between this node and one other on one channel, in both directions.</summary>
/// <remarks>Thread-safe: the lock guards what is below it; nothing is answered or called inside of it.</remarks>
internal sealed class PeerCallLine(NodeNumber peer, PeerChannel channel, PeerCallOptions options)
{
    private readonly Lock _lock = new();
    private readonly Dictionary<ulong, PeerCall> _asked = [];
    private readonly Dictionary<ulong, CancellationTokenSource> _served = [];
    private readonly PeerCallOutbox _outbox = new(options.FrameBytesMax);
    private SeenWindow _seen = new();
    private ulong _epoch;
    private ulong _lastId;
    private long _askedBytes;

    public NodeNumber Peer { get; } = peer;

    public PeerChannel Channel { get; } = channel;

    /// <summary>Calls whose answers are awaited.</summary>
    public int Asked
    {
        get
        {
            lock (_lock) return _asked.Count;
        }
    }

    /// <summary>The latest process of the peer that was heard; 0 before any was.</summary>
    public ulong Epoch
    {
        get
        {
            lock (_lock) return _epoch;
        }
    }

    /// <summary>Puts a call on its way, made by its number; null where too many are.</summary>
    public PeerCall? TryAsk<TState>(
        in PeerCallMessage message, ReadOnlySpan<byte> head, TState state, Func<TState, ulong, PeerCall> make)
    {
        lock (_lock)
        {
            int bytes = head.Length + message.Body.Length;
            bool fits = _asked.Count == 0
                || (_asked.Count < options.CallsMax && _askedBytes + bytes <= options.BytesMax);
            if (!fits) return null;
            PeerCall call = make(state, ++_lastId);
            _asked.Add(call.Id, call);
            _askedBytes += bytes;
            _outbox.Add(message with { Id = call.Id }, head);
            return call;
        }
    }

    /// <summary>Puts a message on its way that nobody waits for.</summary>
    public void Tell(in PeerCallMessage message)
    {
        lock (_lock) _outbox.Add(message.Id == 0 ? message with { Id = ++_lastId } : message, default);
    }

    /// <summary>The asker gave up.</summary>
    public void Cancel(PeerCall call) => Tell(new PeerCallMessage(PeerCallKind.Cancel, call.Method, call.Id, default));

    /// <summary>The call is over; null where it was before.</summary>
    public PeerCall? Forget(ulong id)
    {
        lock (_lock)
        {
            if (!_asked.Remove(id, out PeerCall? call)) return null;
            _askedBytes -= call.Bytes;
            return call;
        }
    }

    /// <summary>All calls under way, which are over with this.</summary>
    public PeerCall[] ForgetAll()
    {
        lock (_lock)
        {
            PeerCall[] calls = [.. _asked.Values.OrderBy(static c => c.Id)];
            _asked.Clear();
            _askedBytes = 0;
            return calls;
        }
    }

    /// <summary>What waits to be sent.</summary>
    public List<PeerCallParcel> Take()
    {
        lock (_lock) return _outbox.IsEmpty ? [] : _outbox.Take();
    }

    /// <summary>
    /// A frame came from a process of the peer: false where a later one was heard already. What an earlier one asked for is
    /// given up, and what it was asked is lost.
    /// </summary>
    public bool TryHear(ulong epoch, out bool isAnother)
    {
        CancellationTokenSource[] givenUp;
        lock (_lock)
        {
            isAnother = epoch > _epoch && _epoch != 0;
            if (epoch < _epoch) return false;
            if (epoch == _epoch) return true;
            _epoch = epoch;
            _seen = new SeenWindow();
            givenUp = [.. _served.Values];
            _served.Clear();
        }

        foreach (CancellationTokenSource served in givenUp) served.Cancel();
        return true;
    }

    /// <summary>False for a message that came before.</summary>
    public bool IsNew(ulong id)
    {
        lock (_lock) return _seen.TryAdd(id);
    }

    /// <summary>Begins to serve; null where too much is being served.</summary>
    public CancellationTokenSource? TryServe(ulong id)
    {
        lock (_lock)
        {
            if (_served.Count >= options.ServedMax) return null;
            var cancel = new CancellationTokenSource();
            _served.Add(id, cancel);
            return cancel;
        }
    }

    /// <summary>It was served; false where its asker is another process by now.</summary>
    public bool EndServing(ulong id, CancellationTokenSource cancel)
    {
        lock (_lock) return _served.TryGetValue(id, out CancellationTokenSource? own) && own == cancel && _served.Remove(id);
    }

    /// <summary>The asker gave up what is being served.</summary>
    public void GiveUp(ulong id)
    {
        CancellationTokenSource? served;
        lock (_lock) _served.TryGetValue(id, out served);
        served?.Cancel();
    }
}
