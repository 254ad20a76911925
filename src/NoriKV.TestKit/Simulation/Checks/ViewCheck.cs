using Nori.Core;
using NoriKV.Node.Meta;
using NoriKV.TestKit.Simulation.Nodes;

namespace NoriKV.TestKit.Simulation.Checks;

/// <summary>
/// Judges the views that meta leaders issue: an epoch is one view, on all nodes, and none goes back on a node that runs.
/// </summary>
internal sealed class ViewCheck(SimWorld world, IReadOnlyList<SimNode> nodes)
{
    private readonly Dictionary<ulong, (ulong Hash, string Node)> _views = [];
    private readonly Dictionary<int, (int Boot, ulong Epoch)> _seen = [];

    /// <summary>Looks at all nodes that run.</summary>
    public void Look()
    {
        foreach (SimNode node in nodes)
        {
            if (node.Node is not { } production || production.IssuedView is not { Epoch: > 0 } view) continue;
            (int boot, ulong epoch) = _seen.GetValueOrDefault(node.Place);
            if (boot == node.Boots && view.Epoch < epoch)
                world.Violate("views_never_back", $"{node.Name} shows view {view.Epoch} behind view {epoch}");
            if (boot == node.Boots && view.Epoch == epoch) continue;
            _seen[node.Place] = (node.Boots, view.Epoch);
            world.Probes.Hit("view.seen");
            Compare(node, view);
        }
    }

    private void Compare(SimNode node, IssuedView view)
    {
        ulong hash = XxHash64.Hash(view.Encode());
        if (_views.TryAdd(view.Epoch, (hash, node.Name)) || _views[view.Epoch].Hash == hash) return;
        world.Violate("one_view_an_epoch", $"view {view.Epoch} of {node.Name} is another one than that of {_views[view.Epoch].Node}");
    }
}
