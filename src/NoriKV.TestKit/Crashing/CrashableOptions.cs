using NoriKV.Embedded;

namespace NoriKV.TestKit.Crashing;

/// <summary>A store that can be crashed.</summary>
public sealed record CrashableOptions
{
    /// <summary>Decides what of the unsynced survives each crash. <value>1</value></summary>
    public ulong Seed { get; init; } = 1;

    /// <summary>
    /// The node. Small memtables and segments let flushes and rolls happen in a short test.
    /// <value>256 KiB each, otherwise as usual.</value>
    /// </summary>
    public EmbeddedOptions Store { get; init; } = new() { MemtableBytes = 256 << 10, LogSegmentBytes = 256 << 10 };

    /// <summary>Every problem of these options; empty when they can be used.</summary>
    public IReadOnlyList<string> Validate()
    {
        var problems = new List<string>(Store.Validate());
        if (Store.DataDirectory is not null) problems.Add("Store.DataDirectory must be null: the data is in memory");
        return problems;
    }
}
