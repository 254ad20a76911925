using NoriKV.Types;

namespace NoriKV.TestKit.Simulation.Workloads;

/// <summary>What a node answered.</summary>
internal sealed record ClientAnswer
{
    /// <summary>Null when it was done.</summary>
    public KvError? Error { get; init; }

    /// <summary>One for each key of the call, in its order; of a scan, one for each pair.</summary>
    public IReadOnlyList<ClientItem> Items { get; init; } = [];

    /// <summary>The consistency that a read was served at.</summary>
    public Consistency? Served { get; init; }

    /// <summary>The first outcome again.</summary>
    public bool IsReplay { get; init; }

    /// <summary>True where the error says that nothing was done and asking again is right.</summary>
    public bool WasNotDone => Error?.Code is KvCode.NotLeader or KvCode.QuorumUnavailable or KvCode.Unavailable
        or KvCode.Overloaded or KvCode.DeadlineExceeded or KvCode.Cancelled;

    /// <summary>True where nobody knows.</summary>
    public bool IsUnknown => Error?.Code is KvCode.CommitTimeout or KvCode.DataLoss;
}
