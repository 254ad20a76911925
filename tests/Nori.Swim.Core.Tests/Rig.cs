using System.Text;
using Nori.Swim.Core.Tests.Simulation;
using Nori.Swim.Core.Wire;

namespace Nori.Swim.Core.Tests;

/// <summary>One core among others that only the test speaks for.</summary>
internal sealed class Rig
{
    private readonly MessageWriter _writer = new(1352);
    private readonly byte[] _cluster;

    public Rig(int count, SwimConfig? config = null, ulong seed = 1)
    {
        config ??= new SwimConfig { ClusterName = "test" };
        _cluster = Encoding.ASCII.GetBytes(config.ClusterName);
        Cluster = new SimCluster(count, seed, config);
        Cluster.Introduce();
        Core = Cluster.Nodes[0].Core;
    }

    public SimCluster Cluster { get; }

    public SwimCore Core { get; }

    public long Now { get; private set; }

    public static string Id(int index) => $"n{index:0000}";

    public SwimMember Member(int index) => Core.Find(new MemberId(Id(index)))!;

    /// <summary>Ticks up to a time; what was sent, in order.</summary>
    public List<Sent> TickTo(long time)
    {
        List<Sent> sent = [];
        while (Core.NextDeadline <= time)
        {
            Now = Math.Max(Now, Core.NextDeadline);
            Core.Tick(Now);
            Drain(sent);
        }

        Now = time;
        return sent;
    }

    public List<Sent> Receive(
        MessageKind kind, int from, uint sequence = 0, string? target = null, string? address = null,
        byte health = 0, byte[]? cluster = null, params (MemberState State, string Id, ulong Incarnation, string Accuser)[] updates)
    {
        byte[] message = Write(kind, Id(from), sequence, target, address, health, cluster, updates);
        Core.OnDatagram(Now, "sim:" + (from + 1), message);
        List<Sent> sent = [];
        Drain(sent);
        return sent;
    }

    public byte[] Write(
        MessageKind kind, string from, uint sequence = 0, string? target = null, string? address = null,
        byte health = 0, byte[]? cluster = null, (MemberState State, string Id, ulong Incarnation, string Accuser)[]? updates = null)
    {
        Member sender = new(new MemberId(from));
        sender.Describe(42, 1, "sim:9"u8, [], new Names());
        _writer.Begin(kind, cluster ?? _cluster, sender, health, sequence);
        if (target is not null) _writer.Text(Encoding.ASCII.GetBytes(target));
        if (address is not null) _writer.Text(Encoding.ASCII.GetBytes(address));
        _writer.BeginUpdates();
        foreach ((MemberState state, string id, ulong incarnation, string accuser) in updates ?? [])
        {
            Member member = new(new MemberId(id)) { Accuser = Encoding.ASCII.GetBytes(accuser) };
            member.Describe(77, 1, "sim:77"u8, [], new Names());
            member.SetState(state, incarnation, 0);
            Assert.True(_writer.TryAppend(member));
        }

        return _writer.Finish();
    }

    private void Drain(List<Sent> sent)
    {
        foreach (OutgoingDatagram d in Core.Ready.Datagrams) sent.Add(Sent.Read(Now, d));
        Core.Ready.Datagrams.Clear();
        Core.Ready.Streams.Clear();
    }
}
