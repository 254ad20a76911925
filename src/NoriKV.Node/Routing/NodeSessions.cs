using System.Buffers.Binary;
using Nori.Core;
using NoriKV.Node.Entries;
using NoriKV.Types;

namespace NoriKV.Node.Routing;

/// <summary>
/// Sessions of this process for writes that came without a key and go to another node: {node number, boot epoch}, with a sequence
/// for each shard. A state machine remembers the last outcomes of a session, so no sequence is given out while one so far below it
/// may still be tried.
/// </summary>
/// <remarks>Thread-safe: the lock guards the windows.</remarks>
internal sealed class NodeSessions
{
    private const int PlacesMax = 4096;

    private readonly Lock _lock = new();
    private readonly byte[] _id = new byte[16];
    private readonly Window?[] _windows;
    private readonly int _places;

    /// <summary>The sessions of a process.</summary>
    /// <param name="node">This node.</param>
    /// <param name="bootEpoch">This process of it.</param>
    /// <param name="shards">Shards there are.</param>
    /// <param name="window">Outcomes that a shard keeps of a session.</param>
    public NodeSessions(NodeNumber node, ulong bootEpoch, int shards, int window)
    {
        BinaryPrimitives.WriteUInt64BigEndian(_id, node.Value);
        BinaryPrimitives.WriteUInt64BigEndian(_id.AsSpan(8), bootEpoch);
        _windows = new Window?[shards];
        _places = Math.Clamp(window, 1, PlacesMax);
    }

    /// <summary>Takes the next sequence; false while too many are not resolved.</summary>
    public bool TryBegin(ShardId shard, out EntrySession session)
    {
        session = default;
        lock (_lock)
        {
            Window window = _windows[shard.Value] ??= new Window(_places);
            if (window.Next - window.Oldest >= (ulong)_places) return false;
            session = new EntrySession(SessionKind.NodeSession, _id, window.Next++, 0);
            return true;
        }
    }

    /// <summary>It will not be tried again.</summary>
    public void End(ShardId shard, in EntrySession session)
    {
        lock (_lock)
        {
            Window window = _windows[shard.Value]!;
            Invariant.Assert(session.Sequence >= window.Oldest);
            Invariant.Assert(session.Sequence < window.Next);
            window.Ended[(int)(session.Sequence % (ulong)_places)] = true;
            while (window.Oldest < window.Next && window.Ended[(int)(window.Oldest % (ulong)_places)])
            {
                window.Ended[(int)(window.Oldest++ % (ulong)_places)] = false;
            }
        }
    }

    private sealed class Window(int places)
    {
        public ulong Oldest { get; set; } = 1;

        public ulong Next { get; set; } = 1;

        public System.Collections.BitArray Ended { get; } = new(places);
    }
}
