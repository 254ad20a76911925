namespace NoriKV.Cli.Bench;

/// <summary>Which keys a benchmark touches.</summary>
internal enum KeyDistribution
{
    /// <summary>Each as often as any other.</summary>
    Uniform,

    /// <summary>A few very often, as YCSB has it (theta 0.99), spread over the key space.</summary>
    Zipfian,

    /// <summary>One behind the other.</summary>
    Sequential,
}
