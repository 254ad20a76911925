using NoriKV.Cli.Formats;

namespace NoriKV.Cli.Transfer;

/// <summary>How to import.</summary>
internal sealed record ImportOptions
{
    public RecordFormat Format { get; init; }

    public FieldEncoding Keys { get; init; }

    public FieldEncoding Values { get; init; }

    /// <summary>Writes in flight. <value>256</value></summary>
    public int Concurrency { get; init; } = 256;

    /// <summary>Go on behind bad lines instead of stopping at the first.</summary>
    public bool SkipBadLines { get; init; }

    /// <summary>How often the checkpoint is saved. <value>1 s</value></summary>
    public TimeSpan CheckpointEvery { get; init; } = TimeSpan.FromSeconds(1);
}
