using Nori.IO;
using Nori.Observe;
using NoriKV.Types;

namespace NoriKV.Node.Replication;

/// <summary>Bounds of an apply worker.</summary>
internal sealed record ApplyWorkerOptions
{
    /// <summary>Most entries of one round.</summary>
    public int RoundEntriesMax { get; init; } = 4096;

    /// <summary>A round ends behind the entry that exceeds this.</summary>
    public int RoundBytesMax { get; init; } = 4 << 20;

    /// <summary>How long a round that met a full disk waits.</summary>
    public TimeSpan DiskFullRetry { get; init; } = TimeSpan.FromMilliseconds(100);

    /// <summary>Runs what the answers of a round lead to (<see cref="AnswerBatch"/>); null: each by itself.</summary>
    public Action<Action>? RunAnswers { get; init; }

    public IMeter Meter { get; init; } = NullMeter.Instance;

    public TimeProvider Time { get; init; } = TimeProvider.System;

    /// <summary>Called when a table that applying reads is damaged; the shard is set apart by then.</summary>
    public Action<ShardId, CorruptionException>? Damaged { get; init; }
}
