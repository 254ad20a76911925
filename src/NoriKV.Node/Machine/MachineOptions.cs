namespace NoriKV.Node.Machine;

/// <summary>What every replica of a shard must agree on: outcomes depend on it.</summary>
public sealed record MachineOptions
{
    /// <summary>How long outcomes are kept, in shard time. <value>10 min</value></summary>
    public TimeSpan IdempotencyRetention { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>Most bytes of sessions and idempotency records in a shard; then new ones are refused.</summary>
    /// <value>16 MiB</value>
    public long IdempotencyBytesMax { get; init; } = 16 << 20;

    /// <summary>Outcomes kept of a session: how far below the highest sequence a repeat may be. <value>4,096</value></summary>
    public int SessionWindow { get; init; } = 4096;
}
