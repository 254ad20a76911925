using Nori.Core;

namespace Nori.Raft.Core;

/// <summary>
/// Who takes part: voters, learners, and while it changes also the voters that are on their way out (joint
/// consensus, Raft §6). Immutable; sets are sorted.
/// </summary>
public sealed class Configuration : IEquatable<Configuration>
{
    private readonly ReplicaId[] _voters;
    private readonly ReplicaId[] _outgoing;
    private readonly ReplicaId[] _learners;
    private readonly ReplicaId[] _learnersNext;
    private readonly ReplicaId[] _members;

    /// <summary>A configuration; ids may come in any order and more than once.</summary>
    /// <param name="voters">The voters; while joint, those of the new half.</param>
    /// <param name="learners">Those who get the log and have no vote.</param>
    /// <param name="outgoing">While joint, the voters of the old half; otherwise empty.</param>
    /// <param name="learnersNext">While joint, the old voters that stay on as learners.</param>
    /// <exception cref="ArgumentException">The sets contradict each other.</exception>
    public Configuration(
        IEnumerable<ReplicaId> voters,
        IEnumerable<ReplicaId>? learners = null,
        IEnumerable<ReplicaId>? outgoing = null,
        IEnumerable<ReplicaId>? learnersNext = null)
    {
        (_voters, _learners) = (Sorted(voters), Sorted(learners));
        (_outgoing, _learnersNext) = (Sorted(outgoing), Sorted(learnersNext));
        _members = Sorted(_voters.Concat(_outgoing).Concat(_learners));
        if (_members.Length > 0 && _members[0].IsNone) throw new ArgumentException("0 is no replica");
        if (_voters.Length == 0 && _members.Length > 0) throw new ArgumentException("a configuration needs a voter");
        if (_learners.Any(IsVoter)) throw new ArgumentException("a learner is no voter");
        if (_learnersNext.Any(id => !Has(_outgoing, id) || Has(_voters, id)))
            throw new ArgumentException("only an outgoing voter becomes a learner at the end");
    }

    /// <summary>Nobody: what a replica knows that has not yet heard from its group.</summary>
    public static Configuration Empty { get; } = new([]);

    /// <summary>The voters; while joint, those of the new half.</summary>
    public IReadOnlyList<ReplicaId> Voters => _voters;

    /// <summary>While joint, the voters of the old half.</summary>
    public IReadOnlyList<ReplicaId> Outgoing => _outgoing;

    /// <summary>Those who get the log and have no vote.</summary>
    public IReadOnlyList<ReplicaId> Learners => _learners;

    /// <summary>While joint, the old voters that stay on as learners.</summary>
    public IReadOnlyList<ReplicaId> LearnersNext => _learnersNext;

    /// <summary>Everyone who gets the log.</summary>
    public IReadOnlyList<ReplicaId> Members => _members;

    /// <summary>True between the first and the second entry of a change of voters.</summary>
    public bool IsJoint => _outgoing.Length > 0;

    /// <summary>What it takes to agree.</summary>
    public JointQuorum Quorum => new(new Quorum(_voters), new Quorum(_outgoing));

    /// <summary>True for a voter of either half.</summary>
    public bool IsVoter(ReplicaId id) => Has(_voters, id) || Has(_outgoing, id);

    /// <summary>True for a learner.</summary>
    public bool IsLearner(ReplicaId id) => Has(_learners, id);

    /// <summary>True for everyone who gets the log.</summary>
    public bool Contains(ReplicaId id) => Has(_members, id);

    /// <summary>True when this replica's vote alone decides.</summary>
    public bool IsOnlyVoter(ReplicaId id) => _voters.Length == 1 && _voters[0] == id && !IsJoint;

    /// <summary>
    /// The next configuration on the way to the target: joint when the voters differ, the target itself when
    /// only learners do.
    /// </summary>
    public Configuration Toward(ConfigurationTarget target)
    {
        Invariant.Assert(!IsJoint);
        ReplicaId[] voters = Sorted(target.Voters), learners = Sorted(target.Learners);
        if (voters.AsSpan().SequenceEqual(_voters)) return new Configuration(voters, learners);
        return new Configuration(
            voters,
            learners.Where(id => !Has(_voters, id)),
            _voters,
            learners.Where(id => Has(_voters, id)));
    }

    /// <summary>The configuration behind this joint one.</summary>
    public Configuration Leave()
    {
        Invariant.Assert(IsJoint);
        return new Configuration(_voters, _learners.Concat(_learnersNext));
    }

    /// <inheritdoc/>
    public bool Equals(Configuration? other) => other is not null
        && _voters.AsSpan().SequenceEqual(other._voters) && _outgoing.AsSpan().SequenceEqual(other._outgoing)
        && _learners.AsSpan().SequenceEqual(other._learners)
        && _learnersNext.AsSpan().SequenceEqual(other._learnersNext);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as Configuration);

    /// <inheritdoc/>
    public override int GetHashCode()
    {
        ulong hash = 17;
        foreach (ReplicaId id in _members) hash = (hash * 31) + id.Value;
        return (int)(hash ^ (hash >> 32)) + _outgoing.Length;
    }

    /// <inheritdoc/>
    public override string ToString()
    {
        string text = $"({string.Join(' ', _voters)})";
        if (IsJoint) text += $"&({string.Join(' ', _outgoing)})";
        if (_learners.Length > 0) text += $" learners ({string.Join(' ', _learners)})";
        return _learnersNext.Length > 0 ? $"{text} next ({string.Join(' ', _learnersNext)})" : text;
    }

    private static ReplicaId[] Sorted(IEnumerable<ReplicaId>? ids) =>
        ids is null ? [] : ids.Distinct().Order().ToArray();

    private static bool Has(ReplicaId[] sorted, ReplicaId id) => Array.BinarySearch(sorted, id) >= 0;
}
