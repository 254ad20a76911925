namespace NoriKV.Node.Tracing;

/// <summary>
/// The stages of requests. Part of what <c>/slow</c>, <c>norikv explain</c> and traces show; docs/observability.md has their meaning.
/// </summary>
public static class StageNames
{
    /// <summary>From the receipt until the node knows who serves it and has handed it over.</summary>
    public const string Route = "route";

    /// <summary>Until its shard's worker took it: the worker was busy, or there was no leader.</summary>
    public const string Queue = "queue";

    /// <summary>From the entry's place in the log until the log's thread took it: that wrote or synced something else.</summary>
    public const string LogWait = "log_wait";

    /// <summary>The writing of the log's batch, without its sync.</summary>
    public const string Append = "append";

    /// <summary>The sync of the own log.</summary>
    public const string Fsync = "fsync";

    /// <summary>From the entry's place in the log until it was on its way to the peer that decided.</summary>
    public const string Send = "send";

    /// <summary>From the sending to a peer until its word that the entry is durable there; the detail names it.</summary>
    public const string Peer = "peer";

    /// <summary>From the last copy that a majority needed until the worker saw that it is one.</summary>
    public const string Commit = "commit";

    /// <summary>From the entry's place in the log until it was committed, where no more is known.</summary>
    public const string Replicate = "replicate";

    /// <summary>Committed, until the apply worker took it.</summary>
    public const string ApplyWait = "apply_wait";

    /// <summary>Until it was in the engine.</summary>
    public const string Apply = "apply";

    /// <summary>What was waited for is done, until a thread of the pool went on with the request.</summary>
    public const string Wake = "wake";

    /// <summary>A majority's word that nobody else leads.</summary>
    public const string ReadIndex = "read_index";

    /// <summary>From that word until this replica had applied so far.</summary>
    public const string CatchUp = "catch_up";

    /// <summary>A look at the lease, or that a lone voter needs nobody.</summary>
    public const string Lease = "lease";

    /// <summary>A look at how old this replica's state may be.</summary>
    public const string Stale = "stale";

    /// <summary>The engine's read.</summary>
    public const string Lookup = "lookup";

    /// <summary>The way to another node: half of what the call took beyond that node's own time.</summary>
    public const string Forward = "forward";

    /// <summary>The way back: the other half.</summary>
    public const string Return = "return";

    /// <summary>A pause between two tries.</summary>
    public const string Pause = "pause";

    /// <summary>Many stages of tries that failed, together: how many stands beside it.</summary>
    public const string Retries = "retries";

    /// <summary>The parts of a batch or a scan, which run beside each other.</summary>
    public const string Parts = "parts";

    /// <summary>Until the answer was handed to the transport.</summary>
    public const string Answer = "answer";
}
