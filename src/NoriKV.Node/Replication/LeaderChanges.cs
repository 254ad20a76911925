namespace NoriKV.Node.Replication;

/// <summary>
/// How often the group changed its leader that did so most in the last ten minutes: one shard that nobody keeps is invisible in a
/// sum over a thousand.
/// </summary>
/// <remarks>Thread-safe: scrapes come on any thread. Two bytes a group and minute.</remarks>
/// <param name="count">Groups there may be.</param>
/// <param name="changes">The changes of one since the start; 0 where there is none.</param>
/// <param name="time">The clock.</param>
internal sealed class LeaderChanges(int count, Func<int, int> changes, TimeProvider time)
{
    /// <summary>How far it looks back.</summary>
    public static readonly TimeSpan Window = TimeSpan.FromMinutes(10);

    private const int Steps = 10;
    private static readonly TimeSpan Step = Window / Steps;

    private readonly Lock _lock = new(); // Guards all below.
    private readonly Queue<ushort[]> _before = new();
    private long _steppedAt = time.GetTimestamp();

    /// <summary>A minute may have passed; called often.</summary>
    public void Look()
    {
        lock (_lock)
        {
            if (time.GetElapsedTime(_steppedAt) < Step) return;
            _steppedAt = time.GetTimestamp();
            if (_before.Count == Steps) _before.Dequeue();
            var now = new ushort[count];
            for (int i = 0; i < count; i++) now[i] = (ushort)changes(i);
            _before.Enqueue(now);
        }
    }

    /// <summary>The changes of the group that had most.</summary>
    public int Most
    {
        get
        {
            lock (_lock)
            {
                _before.TryPeek(out ushort[]? then);
                int most = 0;
                // Counts wrap around; differences do not mind.
                for (int i = 0; i < count; i++) most = Math.Max(most, (ushort)(changes(i) - (then?[i] ?? 0)));
                return most;
            }
        }
    }
}
