namespace NoriKV.Cli.Bench;

/// <summary>What a benchmark does.</summary>
internal sealed record BenchOptions
{
    /// <summary>Share of reads; the rest writes. 0 to 1. <value>0.5</value></summary>
    public double Reads { get; init; } = 0.5;

    /// <summary>Share of deletes among all operations. <value>0</value></summary>
    public double Deletes { get; init; }

    /// <summary>Different keys. <value>100,000</value></summary>
    public long Keys { get; init; } = 100_000;

    /// <summary>Bytes of a key, at least 12. <value>16</value></summary>
    public int KeyBytes { get; init; } = 16;

    /// <summary>Fewest bytes of a value. <value>100</value></summary>
    public int ValueBytesMin { get; init; } = 100;

    /// <summary>Most bytes of a value. <value>100</value></summary>
    public int ValueBytesMax { get; init; } = 100;

    /// <summary>Which keys.</summary>
    public KeyDistribution Distribution { get; init; }

    /// <summary>Operations at once. <value>64</value></summary>
    public int Concurrency { get; init; } = 64;

    /// <summary>Operations a second, by a schedule that does not wait for answers; 0 for as many as possible.</summary>
    public double Rate { get; init; }

    /// <summary>How long it measures. <value>10 s</value></summary>
    public TimeSpan Duration { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>How long it runs before it measures. <value>2 s</value></summary>
    public TimeSpan WarmUp { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>Write every key once before. <value>false</value></summary>
    public bool Load { get; init; }

    /// <summary>Begins every key. <value>b:</value></summary>
    public string Prefix { get; init; } = "b:";

    /// <summary>Seed of keys, values and the mix. <value>1</value></summary>
    public ulong Seed { get; init; } = 1;

    /// <summary>Every problem of these options.</summary>
    public IReadOnlyList<string> Validate()
    {
        var problems = new List<string>();
        if (Reads < 0 || Deletes < 0 || Reads + Deletes > 1 + 1e-9) problems.Add("the shares of --mix must add up to 100");
        if (Keys is < 1 or > 1L << 32) problems.Add("--keys must be 1 to 4,294,967,296");
        if (KeyBytes < Prefix.Length + 10 || KeyBytes > 1024) problems.Add($"--key-size must be {Prefix.Length + 10} to 1024");
        if (ValueBytesMin < 0 || ValueBytesMax < ValueBytesMin) problems.Add("--value-size must be N or MIN-MAX");
        if (Concurrency is < 1 or > 65_536) problems.Add("--concurrency must be 1 to 65536");
        if (Rate < 0) problems.Add("--rate must not be negative");
        if (Duration <= TimeSpan.Zero) problems.Add("--duration must be positive");
        if (WarmUp < TimeSpan.Zero) problems.Add("--warmup must not be negative");
        return problems;
    }
}
