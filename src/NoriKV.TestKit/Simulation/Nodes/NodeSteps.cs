using Nori.Core;
using NoriKV.Node;
using NoriKV.Node.Replication;
using NoriKV.TestKit.Simulation.Scheduling;

namespace NoriKV.TestKit.Simulation.Nodes;

/// <summary>
/// The steps of a production node, run in an order that the seed draws, each only when a loop would have woken for it: its
/// signal is set, it had work when it ran last, or its time has come. A wake that production forgets is missed here, too. While a
/// sync is under way the step that waits for it does not run, and the others do.
/// </summary>
internal sealed class NodeSteps
{
    /// <summary>The engine, which nothing wakes here, is asked at each turn, but no more often.</summary>
    private const long UnwokenPeriod = 20 * Ticks.Millisecond;

    private readonly NoriNode _node;
    private readonly long _syncMax;
    private readonly Job[] _jobs;
    private readonly int[] _order;

    /// <param name="node">The node.</param>
    /// <param name="syncMax">How long a sync of its log takes at most, in ticks.</param>
    public NodeSteps(NoriNode node, long syncMax)
    {
        _node = node;
        _syncMax = syncMax;
        _jobs = [.. node.Steps.Select(static s => new Job(s))];
        _order = [.. Enumerable.Range(0, _jobs.Length)];
        foreach (Job job in _jobs) job.Sharing = [.. _jobs.Where(other => other.Signal is not null && other.Signal == job.Signal)];
        Names = [.. _jobs.Select(static j => j.Name)];
    }

    public IReadOnlyList<string> Names { get; }

    /// <summary>When there may be work although nothing happens, in ticks; as of the last run.</summary>
    public long NextAt { get; private set; }

    /// <summary>True where something that came in between two turns gave a step work.</summary>
    public bool IsWoken
    {
        get
        {
            if (!_node.IsSettled) return true;
            foreach (Job job in _jobs)
            {
                if (job is { IsSignalled: true, IsSyncing: false }) return true;
            }

            return false;
        }
    }

    /// <summary>Each step that has something to do once, but those that are stalled; false when all of them may sleep.</summary>
    public bool RunOnce(Prng random, SortedSet<string> stalled, long now)
    {
        random.Shuffle<int>(_order);
        foreach (int place in _order)
        {
            Job job = _jobs[place];
            // A node alone has one signal for two steps.
            if (job.IsSignalled && job.Signal!.TryTake())
            {
                foreach (Job other in job.Sharing) other.IsDue = true;
            }

            if (job.SyncsUntil > now || (!job.IsDue && job.DueAt > now)) continue;
            if (stalled.Count > 0 && stalled.Contains(job.Name)) continue;
            job.Run(now);
            if (job.IsSyncing) job.SyncsUntil = now + random.NextLong(_syncMax);
        }

        bool worked = !_node.IsSettled;
        NextAt = long.MaxValue;
        foreach (Job job in _jobs)
        {
            if (stalled.Count > 0 && stalled.Contains(job.Name)) continue;
            if (job.SyncsUntil > now)
            {
                NextAt = Math.Min(NextAt, job.SyncsUntil);
                continue;
            }

            worked |= job.IsDue || job.IsSignalled;
            if (job.IsTimed) NextAt = Math.Min(NextAt, job.DueAt);
        }

        return worked;
    }

    private sealed class Job(NodeStep step)
    {
        private readonly Func<bool> _run = step.RunOnce;
        private readonly Func<int?> _retryInMs = step.RetryInMs;

        public string Name { get; } = step.Name;

        public StepSignal? Signal { get; } = step.Signal;

        public bool IsSignalled => Signal is { IsSet: true };

        /// <summary>It has written, and its next run is the end of the sync.</summary>
        public bool IsSyncing => step.IsSyncing();

        /// <summary>When the sync ends.</summary>
        public long SyncsUntil { get; set; }

        /// <summary>Those that the same signal wakes, itself among them.</summary>
        public Job[] Sharing { get; set; } = [];

        public bool IsDue { get; set; } = true;

        /// <summary>When it is looked at although nothing happened.</summary>
        public long DueAt { get; private set; }

        /// <summary>True when the node wakes for that.</summary>
        public bool IsTimed { get; private set; }

        // As a loop does: how long it may sleep it asks itself when it has run.
        public void Run(long now)
        {
            IsDue = _run();
            int? ms = _retryInMs();
            IsTimed = ms is not null;
            DueAt = ms is { } length ? now + (length * Ticks.Millisecond)
                : Signal is null ? now + UnwokenPeriod
                : long.MaxValue;
        }
    }
}
