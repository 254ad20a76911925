namespace Nori.Raft.Core;

/// <summary>What a replica finds on its disk when it starts.</summary>
public sealed record RaftState
{
    /// <summary>The term, vote and commit index stored last.</summary>
    public HardState HardState { get; init; }

    /// <summary>The last place before the first entry of the log.</summary>
    /// <value>Default 0: nothing was compacted away.</value>
    public LogIndex BaseIndex { get; init; }

    /// <summary>The term at that place.</summary>
    public Term BaseTerm { get; init; }

    /// <summary>The terms of the entries held, one span each.</summary>
    public IReadOnlyList<TermSpan> Terms { get; init; } = [];

    /// <summary>The last entry held; the base when there is none.</summary>
    public LogIndex LastIndex { get; init; }

    /// <summary>What the entries held take, in bytes, roughly.</summary>
    public long LogBytes { get; init; }

    /// <summary>The state machine holds the effect of every entry up to here.</summary>
    public LogIndex Applied { get; init; }

    /// <summary>
    /// The newest configuration at or before the base; for a new group, the first one, at index 0.
    /// </summary>
    public required ConfigurationEntry BaseConfiguration { get; init; }

    /// <summary>The configurations in the log, in order.</summary>
    public IReadOnlyList<ConfigurationEntry> Configurations { get; init; } = [];

    /// <summary>
    /// True when the log held more than it does now: something in it was damaged and it was cut off before
    /// that. The replica then neither votes nor leads until it is healed. Give this at every start until the
    /// event
    /// <see cref="RaftEventKind.Healed"/> was seen and the mark durably removed.
    /// </summary>
    public bool IsDamaged { get; init; }

    /// <summary>
    /// True when no process before this one has ever run the replica, so that no promise to a leader was forgotten: it may
    /// vote and stand at once. Only whoever durably counts its starts can know that; an empty log and no term do not say it.
    /// </summary>
    public bool IsFirstLife { get; init; }

    /// <summary>
    /// The state of a replica of a new group. Every first voter starts with the same configuration.
    /// </summary>
    public static RaftState New(Configuration configuration) =>
        new() { BaseConfiguration = new ConfigurationEntry(default, configuration) };

    /// <summary>The state of a replica that joins: it knows nobody until a leader writes to it.</summary>
    public static RaftState Joining { get; } = New(Configuration.Empty);
}
