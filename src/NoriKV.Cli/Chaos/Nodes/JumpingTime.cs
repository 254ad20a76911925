namespace NoriKV.Cli.Chaos.Nodes;

/// <summary>The system's time, with a wall clock that can be set.</summary>
internal sealed class JumpingTime : TimeProvider
{
    private long _offsetTicks;

    public override DateTimeOffset GetUtcNow() => System.GetUtcNow().AddTicks(Volatile.Read(ref _offsetTicks));

    /// <summary>How far the wall clock is off.</summary>
    public void SetOffset(TimeSpan offset) => Volatile.Write(ref _offsetTicks, offset.Ticks);
}
