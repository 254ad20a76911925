using Nori.Core;
using NoriKV.Cli.Chaos.Network;
using NoriKV.Cli.Chaos.Nodes;

namespace NoriKV.Cli.Chaos;

/// <summary>The network.</summary>
internal sealed partial class FaultHands
{
    private LinkTable Links => cluster.Links;

    private Task NetworkAsync(ChaosAction action, ChaosNode node, Prng random, CancellationToken stop) => action.Kind switch
    {
        ChaosFaults.Partition => PartitionAsync(random, action.Lasts, stop),
        ChaosFaults.OneWay => OneWayAsync(node, random, action.Lasts, stop),
        ChaosFaults.PartialPartition => PartialAsync(node, random, action.Lasts, stop),
        ChaosFaults.Flapping => FlapAsync(node, random, action.Lasts, stop),
        ChaosFaults.ClientCut => ClientCutAsync(random, action.Lasts, stop),
        ChaosFaults.SlowLink => SlowLinkAsync(node, random, action.Lasts, stop),
        ChaosFaults.StreamCut => StreamCutAsync(node, random, action.Lasts, stop),
        _ => DatagramLossAsync(random, action.Lasts, stop),
    };

    private async Task PartitionAsync(Prng random, TimeSpan lasts, CancellationToken stop)
    {
        bool[] side = Sides(random);
        // Clients are on one side, or reach both.
        bool? clients = random.NextInt(3) switch { 0 => true, 1 => false, _ => null };
        var cut = new List<(int, int)>();
        for (int a = 0; a < Nodes.Count; a++)
        {
            for (int b = 0; b < Nodes.Count; b++)
            {
                if (side[a] != side[b]) cut.Add((a, b));
            }

            if (clients is { } of && of != side[a]) cut.AddRange([(a, Links.Clients), (Links.Clients, a)]);
        }

        string left = string.Join(' ', Nodes.Where(n => side[n.Index]).Select(static n => n.Name));
        await CutAsync(cut, $"partition: {left} from the others", random.Chance(0.5), lasts, stop).ConfigureAwait(false);
    }

    private Task OneWayAsync(ChaosNode node, Prng random, TimeSpan lasts, CancellationToken stop)
    {
        bool isDeaf = random.Chance(0.5);
        (int, int)[] cut =
        [
            .. Nodes.Where(n => n != node).Select(n => isDeaf ? (n.Index, node.Index) : (node.Index, n.Index)),
        ];
        return CutAsync(cut, $"one way: {node.Name} {(isDeaf ? "does not hear" : "is not heard by")} the others", false, lasts, stop);
    }

    private Task PartialAsync(ChaosNode node, Prng random, TimeSpan lasts, CancellationToken stop)
    {
        ChaosNode other = Nodes[(node.Index + 1 + random.NextInt(Math.Max(1, Nodes.Count - 1))) % Nodes.Count];
        (int, int)[] cut = other == node ? [] : [(node.Index, other.Index), (other.Index, node.Index)];
        return CutAsync(cut, $"{node.Name} and {other.Name} do not reach each other", random.Chance(0.5), lasts, stop);
    }

    private Task ClientCutAsync(Prng random, TimeSpan lasts, CancellationToken stop)
    {
        bool[] side = Sides(random);
        (int, int)[] cut =
        [
            .. Nodes.Where(n => side[n.Index]).SelectMany(n => new[] { (n.Index, Links.Clients), (Links.Clients, n.Index) }),
        ];
        string names = string.Join(' ', Nodes.Where(n => side[n.Index]).Select(static n => n.Name));
        return CutAsync(cut, $"clients do not reach {names}", random.Chance(0.5), lasts, stop);
    }

    private Task StreamCutAsync(ChaosNode node, Prng random, TimeSpan lasts, CancellationToken stop)
    {
        string words = $"streams of {node.Name} are cut, datagrams pass";
        return CutAsync(WaysOf(node), words, random.Chance(0.5), lasts, stop, isOfStreams: true);
    }

    private async Task FlapAsync(ChaosNode node, Prng random, TimeSpan lasts, CancellationToken stop)
    {
        (int From, int To)[] cut = WaysOf(node);
        report.Tell($"links of {node.Name} flap for {lasts.TotalSeconds:0.00} s");
        long begun = time.GetTimestamp();
        while (time.GetElapsedTime(begun) < lasts)
        {
            await CutAsync(cut, null, isReset: false, TimeSpan.FromMilliseconds(100 + random.NextInt(500)), stop).ConfigureAwait(false);
            await LastsAsync(TimeSpan.FromMilliseconds(50 + random.NextInt(500)), stop).ConfigureAwait(false);
        }
    }

    // Late, or narrow: what a node lacks that comes back, or takes the place of a lost one, then comes slowly while the rest goes on.
    private async Task SlowLinkAsync(ChaosNode node, Prng random, TimeSpan lasts, CancellationToken stop)
    {
        if (random.Chance(0.5))
        {
            long rate = 64L << (10 + random.NextInt(5));
            report.Tell($"links of {node.Name} pass {rate >> 10} KiB a second for {lasts.TotalSeconds:0.00} s");
            foreach (Link link in LinksOf(node)) link.BytesPerSecond = rate;
            await LastsAsync(lasts, stop).ConfigureAwait(false);
            foreach (Link link in LinksOf(node)) link.BytesPerSecond = 0;
            return;
        }

        var delay = TimeSpan.FromMilliseconds(5 + random.NextInt(random.Chance(0.5) ? 50 : 400));
        report.Tell($"links of {node.Name} are {delay.TotalMilliseconds:0} ms late for {lasts.TotalSeconds:0.00} s");
        foreach (Link link in LinksOf(node)) link.Delay = delay;
        await LastsAsync(lasts, stop).ConfigureAwait(false);
        foreach (Link link in LinksOf(node)) link.Delay = TimeSpan.Zero;
    }

    private async Task DatagramLossAsync(Prng random, TimeSpan lasts, CancellationToken stop)
    {
        double loss = random.Chance(0.3) ? 1 : random.NextDouble() * 0.5;
        report.Tell($"{loss * 100:0} % of datagrams are lost for {lasts.TotalSeconds:0.00} s");
        Link[] all = [.. Nodes.SelectMany(LinksOf)];
        foreach (Link link in all) link.Loss = loss;
        await LastsAsync(lasts, stop).ConfigureAwait(false);
        foreach (Link link in all) link.Loss = 0;
    }

    private async Task CutAsync(
        IReadOnlyList<(int From, int To)> cut, string? words, bool isReset, TimeSpan lasts, CancellationToken stop,
        bool isOfStreams = false)
    {
        if (words is not null) report.Tell($"{words}{(isReset ? ", connections break" : "")}, for {lasts.TotalSeconds:0.00} s");
        foreach ((int from, int to) in cut) cluster.Cut(from, to, isReset, isOfStreams);
        await LastsAsync(lasts, stop).ConfigureAwait(false);
        foreach ((int from, int to) in cut) Links[from, to].Mend(isOfStreams);
    }

    private IEnumerable<Link> LinksOf(ChaosNode node) => WaysOf(node).Select(way => Links[way.From, way.To]);

    private (int From, int To)[] WaysOf(ChaosNode node) =>
        [.. Nodes.Where(n => n != node).SelectMany(n => new[] { (n.Index, node.Index), (node.Index, n.Index) })];

    // Neither side is empty where there are two nodes.
    private bool[] Sides(Prng random)
    {
        bool[] side = new bool[Nodes.Count];
        for (int i = 0; i < side.Length; i++) side[i] = random.Chance(0.5);
        int one = random.NextInt(side.Length);
        side[one] = true;
        side[(one + 1) % side.Length] = false;
        return side;
    }
}
