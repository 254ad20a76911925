using Nori.Core;
using NoriKV.Node;

namespace NoriKV.TestKit.Simulation.Nodes;

/// <summary>The steps of a production node, run in an order that the seed draws.</summary>
internal sealed class NodeSteps
{
    private readonly NodeStep[] _steps;

    public NodeSteps(NoriNode node)
    {
        _steps = [.. node.Steps];
        Names = [.. _steps.Select(s => s.Name)];
    }

    public IReadOnlyList<string> Names { get; }

    /// <summary>Each step once, but those that are stalled; false when none had anything to do.</summary>
    public bool RunOnce(Prng random, SortedSet<string> stalled)
    {
        bool worked = false;
        random.Shuffle<NodeStep>(_steps);
        foreach ((string name, Func<bool> runOnce) in _steps)
        {
            if (stalled.Count == 0 || !stalled.Contains(name)) worked |= runOnce();
        }

        return worked;
    }
}
