using NoriKV.Types;

namespace NoriKV.Node.Routing;

/// <summary>
/// Whom one request asks next. Who leads is known from the own group, from whoever refused it last, from the last view, in that
/// order; where nobody knows, the replicas are asked in turn. Nobody is asked twice in a row without a pause.
/// </summary>
internal struct RouteTries
{
    // Two nodes that each take the other for the leader must not play ball with a request.
    private const int HintsAtOnceMax = 2;
    private const int PauseMinMs = 5;
    private const int PauseMaxMs = 100;

    private NodeNumber _hint;
    private NodeNumber _failed;
    private int _turn;
    private int _fails;
    private int _pauseMs;
    private int _hintsAtOnce;

    /// <summary>Times it asked another node.</summary>
    public int Asked { get; private set; }

    /// <summary>Who leads as a node said that was asked; none.</summary>
    public NodeNumber Heard { get; private set; }

    /// <summary>Whom to ask next; none where no replica is known.</summary>
    /// <param name="self">This node.</param>
    /// <param name="ownLeader">Who leads as the own group knows; none.</param>
    /// <param name="hasGroup">This node has a replica that works.</param>
    /// <param name="shard">The shard.</param>
    /// <param name="directory">What was told.</param>
    public NodeNumber Next(NodeNumber self, NodeNumber ownLeader, bool hasGroup, ShardId shard, IShardDirectory directory)
    {
        // What is known may be wrong for long: every third try goes to whoever is next.
        if (_fails % 3 == 2 && TryNextReplica(self, hasGroup, shard, directory, out NodeNumber next)) return next;
        if (IsFresh(ownLeader, self, hasGroup)) return ownLeader;
        if (IsFresh(_hint, self, hasGroup)) return _hint;
        NodeNumber told = directory.LeaderOf(shard);
        if (IsFresh(told, self, hasGroup)) return told;
        // An election is under way: the own group learns of its end first.
        if (hasGroup && ownLeader.Value == 0 && _failed != self) return self;
        if (TryNextReplica(self, hasGroup, shard, directory, out next)) return next;
        // The only one there is: again.
        NodeNumber last = _failed;
        _failed = default;
        return last.Value != 0 ? last : hasGroup ? self : default;
    }

    /// <summary>Another node is asked.</summary>
    public void NoteAsked() => Asked++;

    /// <summary>It did not work out: how long to wait before the next try, in milliseconds; 0 for not at all.</summary>
    /// <param name="node">Who was asked.</param>
    /// <param name="hint">Who leads, as that one knows; none.</param>
    public int NoteFailed(NodeNumber node, NodeNumber hint)
    {
        bool isNews = hint.Value != 0 && hint != node && hint != _failed;
        _failed = node;
        _fails++;
        if (hint.Value != 0) Heard = hint;
        _hint = hint == node ? default : hint;
        if (isNews && _hintsAtOnce < HintsAtOnceMax)
        {
            _hintsAtOnce++;
            return 0;
        }

        _hintsAtOnce = 0;
        _pauseMs = Math.Clamp(_pauseMs * 2, PauseMinMs, PauseMaxMs);
        return _pauseMs;
    }

    private bool TryNextReplica(
        NodeNumber self, bool hasGroup, ShardId shard, IShardDirectory directory, out NodeNumber next)
    {
        IReadOnlyList<NodeNumber> replicas = directory.ReplicasOf(shard);
        for (int i = 0; i < replicas.Count; i++)
        {
            next = replicas[(_turn + i) % replicas.Count];
            if (!IsFresh(next, self, hasGroup)) continue;
            _turn = (_turn + i + 1) % replicas.Count;
            return true;
        }

        next = default;
        return false;
    }

    private readonly bool IsFresh(NodeNumber node, NodeNumber self, bool hasGroup) =>
        node.Value != 0 && node != _failed && (node != self || hasGroup);
}
