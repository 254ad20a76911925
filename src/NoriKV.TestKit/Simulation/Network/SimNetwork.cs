using Nori.Core;
using NoriKV.TestKit.Simulation.Reports;
using NoriKV.TestKit.Simulation.Scheduling;

namespace NoriKV.TestKit.Simulation.Network;

/// <summary>
/// The links between places (nodes and clients), each direction for itself: delays with a long tail, loss, repetition,
/// overtaking; cuts, which lose everything, and clogs, which hold everything back until they open.
/// </summary>
internal sealed class SimNetwork(EventQueue events, Prng random, LinkQuality quality, Probes probes, int places)
{
    private readonly Link[] _links = [.. Enumerable.Range(0, places * places).Select(_ => new Link())];

    /// <summary>Messages given to it.</summary>
    public long Sent { get; private set; }

    /// <summary>Messages that arrived, repeated ones included.</summary>
    public long Delivered { get; private set; }

    /// <summary>True: nothing is lost, repeated or slow any more (cuts and clogs end by themselves or by hand).</summary>
    public bool IsCalm { get; set; }

    /// <summary>Sends; each delivery is an event of its own.</summary>
    /// <param name="from">Who sends.</param>
    /// <param name="to">Who receives.</param>
    /// <param name="channel">Messages of one channel mostly keep their order.</param>
    /// <param name="reliable">A connection's: neither lost (but by a cut) nor repeated nor overtaken.</param>
    /// <param name="deliver">Runs at arrival.</param>
    public void Send(int from, int to, int channel, bool reliable, Action deliver)
    {
        Sent++;
        Link link = LinkOf(from, to);
        if (link.Cuts > 0)
        {
            probes.Hit("net.cut");
            return;
        }

        if (!reliable && !IsCalm && random.Chance(quality.Loss))
        {
            probes.Hit("net.lost");
            return;
        }

        Arrange(link, channel, reliable, deliver);
        if (reliable || IsCalm || !random.Chance(quality.Duplication)) return;
        probes.Hit("net.repeated");
        Arrange(link, channel, reliable, deliver);
    }

    /// <summary>Cuts a direction; each cut needs its own mending.</summary>
    public void Cut(int from, int to) => LinkOf(from, to).Cuts++;

    /// <summary>Takes one cut back.</summary>
    public void Mend(int from, int to)
    {
        Link link = LinkOf(from, to);
        Invariant.Assert(link.Cuts > 0);
        link.Cuts--;
    }

    /// <summary>Holds a direction's messages back.</summary>
    public void Clog(int from, int to) => LinkOf(from, to).Clogs++;

    /// <summary>Lets them go.</summary>
    public void Unclog(int from, int to)
    {
        Link link = LinkOf(from, to);
        Invariant.Assert(link.Clogs > 0);
        if (--link.Clogs > 0) return;
        foreach ((int channel, bool reliable, Action deliver) in link.Held) Arrange(link, channel, reliable, deliver);
        link.Held.Clear();
    }

    private void Arrange(Link link, int channel, bool reliable, Action deliver)
    {
        if (link.Clogs > 0)
        {
            if (link.Held.Count < Link.HeldMax) link.Held.Add((channel, reliable, deliver));
            probes.Hit("net.clogged");
            return;
        }

        long delay = quality.DelayMin + random.NextLong(quality.DelaySpread + 1);
        if (!IsCalm && random.Chance(quality.TailChance)) delay += random.NextLong(quality.TailMax);
        long at = events.Now + delay;
        bool mayOvertake = !reliable && !IsCalm && random.Chance(quality.Reordering);
        if (!mayOvertake) at = link.Last[channel] = Math.Max(at, link.Last[channel] + 1);
        events.At(at, () =>
        {
            Delivered++;
            deliver();
        });
    }

    private Link LinkOf(int from, int to) => _links[(from * places) + to];

    private sealed class Link
    {
        public const int HeldMax = 4096;

        public int Cuts { get; set; }

        public int Clogs { get; set; }

        public long[] Last { get; } = new long[8];

        public List<(int Channel, bool Reliable, Action Deliver)> Held { get; } = [];
    }
}
