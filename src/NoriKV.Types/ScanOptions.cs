namespace NoriKV.Types;

/// <summary>What to scan and how. A prefix, or a range, or neither for all keys.</summary>
public sealed record ScanOptions
{
    /// <summary>First key, inclusive; empty for the first there is.</summary>
    public ReadOnlyMemory<byte> Start { get; init; }

    /// <summary>Last key, exclusive; empty for no end.</summary>
    public ReadOnlyMemory<byte> End { get; init; }

    /// <summary>Only keys that begin so; excludes Start and End.</summary>
    public ReadOnlyMemory<byte> Prefix { get; init; }

    /// <summary>From the last key to the first.</summary>
    public bool Reverse { get; init; }

    /// <summary>
    /// Most pairs of this call; 0 for no limit. Where more follows, the last page has a token all the same, and a call
    /// with it goes on there with a limit of its own.
    /// </summary>
    public long Limit { get; init; }

    /// <summary>Goes on behind the page that gave this token; empty for the beginning.</summary>
    public ReadOnlyMemory<byte> PageToken { get; init; }

    /// <summary>Leave the values out.</summary>
    public bool KeysOnly { get; init; }

    /// <summary>Count only: pages carry no pairs.</summary>
    public bool CountOnly { get; init; }

    /// <summary>How fresh each shard's part must be.</summary>
    public ReadOptions Read { get; init; } = ReadOptions.Default;
}
