using Nori.Core;
using NoriKV.Node;
using NoriKV.TestKit.Simulation.Scheduling;

namespace NoriKV.TestKit.Simulation.Nodes;

/// <summary>
/// The steps of a production node, run in an order that the seed draws, each only when a loop would have woken for it: its
/// signal is set, it had work when it ran last, or its time has come. A wake that production forgets is missed here, too.
/// </summary>
internal sealed class NodeSteps
{
    /// <summary>The engine, which nothing wakes here, is asked at each turn, but no more often.</summary>
    private const long UnwokenPeriod = 20 * Ticks.Millisecond;

    private readonly NoriNode _node;
    private readonly Job[] _jobs;

    public NodeSteps(NoriNode node)
    {
        _node = node;
        _jobs = [.. node.Steps.Select(static s => new Job(s))];
        Names = [.. _jobs.Select(static j => j.Step.Name)];
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
                if (job.Step.Signal is { IsSet: true }) return true;
            }

            return false;
        }
    }

    /// <summary>Each step that has something to do once, but those that are stalled; false when all of them may sleep.</summary>
    public bool RunOnce(Prng random, SortedSet<string> stalled, long now)
    {
        random.Shuffle<Job>(_jobs);
        foreach (Job job in _jobs)
        {
            TakeSignal(job);
            if (!job.IsDue && job.DueAt > now) continue;
            if (stalled.Count > 0 && stalled.Contains(job.Step.Name)) continue;
            job.IsDue = job.Step.RunOnce();
            job.NoteRun(now);
        }

        bool worked = !_node.IsSettled;
        NextAt = long.MaxValue;
        foreach (Job job in _jobs)
        {
            if (stalled.Count > 0 && stalled.Contains(job.Step.Name)) continue;
            worked |= job.IsDue || job.Step.Signal is { IsSet: true };
            if (job.IsTimed) NextAt = Math.Min(NextAt, job.DueAt);
        }

        return worked;
    }

    // A node alone has one signal for two steps.
    private void TakeSignal(Job job)
    {
        if (job.Step.Signal is not { } signal || !signal.TryTake()) return;
        foreach (Job other in _jobs) other.IsDue |= other.Step.Signal == signal;
    }

    private sealed class Job(NodeStep step)
    {
        public NodeStep Step { get; } = step;

        public bool IsDue { get; set; } = true;

        /// <summary>When it is looked at although nothing happened.</summary>
        public long DueAt { get; private set; }

        /// <summary>True when the node wakes for that.</summary>
        public bool IsTimed { get; private set; }

        // As a loop does: how long it may sleep it asks itself when it has run.
        public void NoteRun(long now)
        {
            int? ms = Step.RetryInMs();
            IsTimed = ms is not null;
            DueAt = ms is { } length ? now + (length * Ticks.Millisecond)
                : Step.Signal is null ? now + UnwokenPeriod
                : long.MaxValue;
        }
    }
}
