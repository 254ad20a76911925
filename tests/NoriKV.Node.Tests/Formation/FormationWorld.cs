using Nori.Core;
using Nori.IO;
using NoriKV.Node.Formation;

namespace NoriKV.Node.Tests.Formation;

/// <summary>
/// Founders over a network in memory that loses, repeats and delays, on disks that lose power, in one thread and one seed. After
/// each event it looks at what the disks hold: one cluster at most, and none that is half formed.
/// </summary>
internal sealed class FormationWorld
{
    public const string Directory = "/data";

    private readonly PriorityQueue<Action, (long At, long Order)> _events = new();
    private readonly Dictionary<string, FounderProcess> _byAddress = [];
    private readonly HashSet<Guid> _clusters = [];
    private readonly HashSet<Guid> _wiped = [];
    private long _order;

    public FormationWorld(ulong seed) => Random = new Prng(seed);

    public Prng Random { get; }

    public ManualTime Time { get; } = new();

    /// <summary>How bad the network is; zero: perfect.</summary>
    public double Weather { get; set; }

    public List<FounderProcess> Nodes { get; } = [];

    /// <summary>Every cluster that any node ever was in.</summary>
    public IReadOnlyCollection<Guid> Clusters => _clusters;

    public FounderProcess Add(string name, int expect, params string[] seeds)
    {
        var node = new FounderProcess(this, name, expect, seeds);
        Nodes.Add(node);
        _byAddress.Add(node.Address, node);
        return node;
    }

    /// <summary>Nodes n1 to nN that expect so many and know all of each other.</summary>
    public void AddAll(int count, int expect)
    {
        string[] seeds = [.. Enumerable.Range(1, count).Select(static i => $"n{i}:1")];
        for (int i = 1; i <= count; i++) Add($"n{i}", expect, seeds);
    }

    /// <summary>A store that is gone: nobody can ask it any more what it had accepted.</summary>
    public void NoteWiped(Guid store) => _wiped.Add(store);

    public void RunFor(TimeSpan span, Action? perturb = null)
    {
        long end = Time.GetTimestamp() + span.Ticks;
        while (Time.GetTimestamp() < end)
        {
            Time.AdvanceMs(10);
            while (_events.TryPeek(out _, out (long At, long Order) next) && next.At <= Time.GetTimestamp())
            {
                _events.Dequeue()();
                Check();
            }

            foreach (FounderProcess node in Nodes)
            {
                node.Step();
                Check();
            }

            perturb?.Invoke();
        }
    }

    /// <summary>Brings a question to an address and its answer back, if the weather lets it.</summary>
    public void Ask(string address, Func<IFormationEndpoint, byte[]> ask, Action<byte[]?> answered)
    {
        if (Random.Chance(Weather * 0.3))
        {
            Post(() => answered(null), TimeSpan.FromSeconds(2));
            return;
        }

        int copies = Random.Chance(Weather * 0.3) ? 2 : 1;
        for (int i = 0; i < copies; i++)
        {
            Post(() =>
            {
                if (!_byAddress.TryGetValue(address, out FounderProcess? target) || target.Answer(ask) is not { } reply)
                {
                    Post(() => answered(null), Delay());
                    return;
                }

                if (!Random.Chance(Weather * 0.3)) Post(() => answered(reply), Delay());
                if (Random.Chance(Weather * 0.2)) Post(() => answered(reply), Delay());
            }, Delay());
        }
    }

    private void Post(Action action, TimeSpan delay) =>
        _events.Enqueue(action, (Time.GetTimestamp() + delay.Ticks, _order++));

    // Now and then one is so late that its sender has given it up.
    private TimeSpan Delay() => TimeSpan.FromMilliseconds(
        Random.Chance(Weather * 0.1) ? Random.NextInt(1000, 8000) : Random.NextInt(1, 30));

    private void Check()
    {
        foreach (FounderProcess node in Nodes)
        {
            if (node.Cluster is not { } record) continue;
            if (!_clusters.Add(record.ClusterId)) continue;
            Assert.True(_clusters.Count == 1, $"a second cluster: {string.Join(", ", _clusters)}");
            Assert.NotNull(record.Founding);
            Assert.Equal(node.Expect, record.Founding.Members.Count);
            foreach (FormationMember member in record.Founding.Members)
            {
                if (_wiped.Contains(member.StoreUuid)) continue;
                FounderProcess founder = Nodes.Single(n => n.Name == member.Name);
                Assert.True(
                    founder.HasDurably(record.ClusterId, member.StoreUuid),
                    $"{node.Name} is in cluster {record.ClusterId}, {member.Name} has not accepted it durably");
            }
        }
    }
}
