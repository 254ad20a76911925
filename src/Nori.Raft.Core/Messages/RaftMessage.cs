namespace Nori.Raft.Core;

/// <summary>
/// What replicas tell each other. Which fields count is said at each <see cref="MessageKind"/>; the rest is
/// zero. Entries are named by range: the driver adds the bytes when it sends, and stages them by (index,
/// term) before it hands the message over.
/// </summary>
public readonly record struct RaftMessage
{
    private readonly EntryRange? _entries;

    /// <summary>What it is.</summary>
    public MessageKind Kind { get; init; }

    /// <summary>The group; a replica drops messages of any other.</summary>
    public GroupId Group { get; init; }

    /// <summary>The sender.</summary>
    public ReplicaId From { get; init; }

    /// <summary>The receiver; a replica drops messages to any other.</summary>
    public ReplicaId To { get; init; }

    /// <summary>The sender's term; of pre-votes, the term that would be.</summary>
    public Term Term { get; init; }

    /// <summary>A place in the log.</summary>
    public LogIndex Index { get; init; }

    /// <summary>The term of the entry at <see cref="Index"/>.</summary>
    public Term LogTerm { get; init; }

    /// <summary>The sender's commit index.</summary>
    public LogIndex Commit { get; init; }

    /// <summary>The entries of an append; never null.</summary>
    public EntryRange Entries
    {
        get => _entries ?? EntryRange.Empty;
        init => _entries = value;
    }

    /// <summary>A response that says no.</summary>
    public bool IsRejected { get; init; }

    /// <summary>Of a rejected append: the last place where both logs may agree.</summary>
    public LogIndex HintIndex { get; init; }

    /// <summary>Its term.</summary>
    public Term HintTerm { get; init; }

    /// <summary>The number of a round of heartbeats, counted anew in each term.</summary>
    public ulong Round { get; init; }

    /// <summary>Pairs a request with its response.</summary>
    public ulong Context { get; init; }

    /// <summary>Of a vote: the leader itself asked for this election, so nobody owes it loyalty.</summary>
    public bool IsTransfer { get; init; }

    /// <summary>What a snapshot covers.</summary>
    public SnapshotMeta? Snapshot { get; init; }

    /// <inheritdoc/>
    public override string ToString()
    {
        string text = $"{Kind} {From}->{To} t{Term}";
        if (Kind is MessageKind.Append or MessageKind.Vote or MessageKind.PreVote or MessageKind.Hibernate)
            text += $" log {Index}@{LogTerm}";
        else if (Index.Value != 0) text += $" index {Index}";
        if (!Entries.IsEmpty) text += $" entries {Entries}";
        foreach (ConfigurationEntry entry in Entries.Configurations)
            text += $" [{entry.Index}: {entry.Configuration}]";
        if (Commit.Value != 0) text += $" commit {Commit}";
        if (Round != 0) text += $" round {Round}";
        if (IsTransfer) text += " transfer";
        if (IsRejected) text += " rejected";
        if (HintIndex.Value != 0) text += $" hint {HintIndex}@{HintTerm}";
        return Snapshot is null ? text : $"{text} {Snapshot}";
    }
}
