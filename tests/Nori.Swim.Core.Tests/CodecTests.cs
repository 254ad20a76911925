using Nori.Core;
using Nori.Swim.Core.Wire;

namespace Nori.Swim.Core.Tests;

/// <summary>Bytes from strangers: a result or a counted drop, never an exception, never half a message believed.</summary>
public sealed class CodecTests
{
    private static byte[] Sample(Rig rig) => rig.Write(
        MessageKind.PingReq, "n0001", 7, "n0002", "10.0.0.3:7946", updates:
        [
            (MemberState.Alive, "n0003", 300, string.Empty),
            (MemberState.Suspect, "n0002", 4, "n0003"),
            (MemberState.Left, "x", 1, string.Empty),
        ]);

    [Fact]
    public void A_message_reads_back_as_written()
    {
        Rig rig = new(4);
        Assert.Equal(MessageDrop.None, MessageReader.TryRead(Sample(rig), 512, out MessageReader reader));
        Assert.Equal(MessageKind.PingReq, reader.Kind);
        Assert.Equal(7u, reader.Sequence);
        Assert.True(reader.Target.SequenceEqual("n0002"u8));
        Assert.True(reader.Address.SequenceEqual("10.0.0.3:7946"u8));
        Assert.True(reader.TryNext(out MemberUpdate alive));
        Assert.Equal((MemberState.Alive, 300ul, 77ul), (alive.State, alive.Incarnation, alive.Instance));
        Assert.True(reader.TryNext(out MemberUpdate suspect));
        Assert.True(suspect.Accuser.SequenceEqual("n0003"u8));
        Assert.True(reader.TryNext(out MemberUpdate left));
        Assert.Equal(MemberState.Left, left.State);
        Assert.False(reader.TryNext(out _));
    }

    [Fact]
    public void Every_flipped_bit_and_every_cut_is_seen()
    {
        Rig rig = new(4);
        byte[] sample = Sample(rig);
        for (int bit = 0; bit < sample.Length * 8; bit++)
        {
            byte[] flipped = [.. sample];
            flipped[bit / 8] ^= (byte)(1 << (bit % 8));
            Assert.NotEqual(MessageDrop.None, MessageReader.TryRead(flipped, 512, out _));
        }

        for (int length = 0; length < sample.Length; length++)
            Assert.Equal(MessageDrop.Malformed, MessageReader.TryRead(sample.AsSpan(0, length), 512, out _));
    }

    // Mutations under a right checksum reach every check behind it.
    [Fact]
    public void Mutated_messages_with_a_right_checksum_never_break_a_core()
    {
        const ulong seed = 20261122;
        Prng prng = new(seed);
        Rig rig = new(6);
        int taken = 0;
        const int rounds = 60_000;
        for (int i = 0; i < rounds; i++)
        {
            byte[] message = prng.NextInt(8) == 0 ? new byte[5 + prng.NextInt(200)] : Sample(rig);
            if (message[0] == 0) prng.Fill(message);
            for (int m = prng.NextInt(4); m > 0; m--) message[prng.NextInt(message.Length)] = (byte)prng.NextUInt32();
            if (prng.Chance(0.2)) message = message[..(5 + prng.NextInt(message.Length - 4))];
            if (message.Length < 5) continue;
            BitConverter.TryWriteBytes(message.AsSpan(message.Length - 4), Crc32C.Compute(message.AsSpan(0, message.Length - 4)));
            if (rig.Core.OnDatagram(i, "sim:2", message)) taken++;
            if (prng.Chance(0.1)) rig.Core.OnStreamRequest(i, message);
            rig.Core.Ready.Clear();
        }

        long dropped = Enum.GetValues<MessageDrop>().Sum(rig.Core.Counts.Dropped);
        Assert.True(taken > rounds / 10, $"seed {seed}: only {taken} were taken: the fuzz does not reach the core");
        Assert.True(dropped > rounds / 10, $"seed {seed}: only {dropped} were dropped");
        Assert.True(rig.Core.CopyMembers().Count <= 4096);
    }

    [Fact]
    public void Another_version_and_another_cluster_are_counted_apart()
    {
        Rig rig = new(3);
        byte[] future = Sample(rig);
        future[0] = 2;
        BitConverter.TryWriteBytes(future.AsSpan(future.Length - 4), Crc32C.Compute(future.AsSpan(0, future.Length - 4)));
        Assert.False(rig.Core.OnDatagram(0, "sim:2", future));
        Assert.Equal(1, rig.Core.Counts.Dropped(MessageDrop.UnknownVersion));

        rig.Receive(
            MessageKind.Gossip, 1, cluster: "other"u8.ToArray(), updates: (MemberState.Alive, "stranger", 1, string.Empty));
        Assert.Equal(1, rig.Core.Counts.Dropped(MessageDrop.ForeignCluster));
        Assert.Null(rig.Core.Find(new MemberId("stranger")));
    }

    [Fact]
    public void A_datagram_never_exceeds_its_budget_whatever_there_is_to_tell()
    {
        Rig rig = new(3);
        for (int i = 0; i < 500; i++)
            rig.Receive(MessageKind.Gossip, 1, updates: (MemberState.Alive, $"member-with-a-long-name-{i}", 1, string.Empty));
        List<Sent> sent = rig.TickTo(5 * SwimConfig.Second);
        Assert.All(sent, s => Assert.InRange(s.Bytes, 1, 1352));
        Assert.Contains(sent, s => s.Bytes > 1300);
    }

    [Fact]
    public void The_member_table_is_bounded_and_forgets_those_gone_first()
    {
        Rig rig = new(3, new SwimConfig { ClusterName = "test", MembersMax = 10 });
        rig.Receive(MessageKind.Gossip, 1, updates: (MemberState.Failed, Rig.Id(2), 0, Rig.Id(1)));
        for (int i = 0; i < 20; i++)
            rig.Receive(MessageKind.Gossip, 1, updates: (MemberState.Alive, $"x{i}", 1, string.Empty));
        Assert.Equal(10, rig.Core.CopyMembers().Count);
        Assert.Null(rig.Core.Find(new MemberId(Rig.Id(2))));
        Assert.NotNull(rig.Core.Find(new MemberId(Rig.Id(1))));
        Assert.Equal(12, rig.Core.Counts.Refused);
    }

    [Fact]
    public void Settings_that_cannot_be_are_all_named()
    {
        SwimConfig config = new() { ClusterName = "two words", ProbeTimeoutTicks = 2 * SwimConfig.Second, MembersMax = 1 };
        Assert.Equal(3, config.Validate().Count);
        Assert.Throws<ArgumentException>(() => new SwimCore(config, new MemberId("a"), "a:1", [], 0, 1, 0));
    }
}
