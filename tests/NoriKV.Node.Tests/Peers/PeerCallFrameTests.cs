using System.Buffers.Binary;
using Nori.Core;
using NoriKV.Node.Peers;
using NoriKV.Types;

namespace NoriKV.Node.Tests.Peers;

public sealed class PeerCallFrameTests
{
    private static readonly PeerCallMessage[] Messages =
    [
        new(PeerCallKind.Request, PeerMethod.Write, 7, new byte[] { 1, 2, 3 }) { MillisecondsLeft = 250 },
        new(PeerCallKind.Reply, PeerMethod.Read, 8, new byte[40]) { AskerEpoch = 9, Status = PeerReplyStatus.Refused },
        new(PeerCallKind.Cancel, PeerMethod.Scan, 9, default),
        new(PeerCallKind.Note, PeerMethod.Join, 10, default) { MillisecondsLeft = uint.MaxValue },
    ];

    internal static byte[] FrameOf(ulong cluster, ulong from, ulong to, params PeerCallMessage[] messages)
    {
        var outbox = new PeerCallOutbox(1 << 20);
        foreach (PeerCallMessage message in messages) outbox.Add(message, default);
        PeerCallParcel parcel = Assert.Single(outbox.Take());
        byte[] frame = parcel.Bytes[..parcel.Length];
        new PeerCallFrame(new NodeNumber(from), new NodeNumber(to), 3, parcel.Messages).Seal(frame, cluster);
        return frame;
    }

    [Fact]
    public void What_was_written_is_read()
    {
        byte[] bytes = FrameOf(77, 1, 2, Messages);
        Assert.True(PeerCallFrame.TryDecode(bytes, 77, out PeerCallFrame frame, out ReadOnlyMemory<byte> rest));
        Assert.Equal(new PeerCallFrame(new NodeNumber(1), new NodeNumber(2), 3, 4), frame);
        foreach (PeerCallMessage written in Messages)
        {
            Assert.True(PeerCallFrame.TryRead(ref rest, out PeerCallMessage read));
            Assert.Equal(written.Body.ToArray(), read.Body.ToArray());
            Assert.Equal(written with { Body = default }, read with { Body = default });
        }

        Assert.True(rest.IsEmpty);
        Assert.False(PeerCallFrame.TryRead(ref rest, out _));
    }

    [Fact]
    public void The_format_is_as_written_down()
    {
        Assert.Equal(
            "01004D000000000000000100000000000000020000000000000003000000000000000200000001010700000000000000FA00000003000000"
            + "01020303030900000000000000767BC8C7",
            Convert.ToHexString(FrameOf(77, 1, 2, Messages[0], Messages[2])));
    }

    [Fact]
    public void A_mutated_frame_is_refused_or_says_something_that_can_be_said()
    {
        var random = new Prng(3);
        byte[] valid = FrameOf(77, 1, 2, Messages);
        int taken = 0;
        for (int i = 0; i < 50_000; i++)
        {
            byte[] frame = [.. valid];
            for (int n = random.NextInt(1, 4); n > 0; n--) frame[random.NextInt(frame.Length)] = (byte)random.NextUInt32();
            if (random.Chance(0.2)) frame = frame[..random.NextInt(frame.Length + 1)];
            Assert.False(PeerCallFrame.TryDecode(frame, 77, out _, out _) && !frame.AsSpan().SequenceEqual(valid), $"mutation {i}");
            if (frame.Length < 8) continue;
            BinaryPrimitives.WriteUInt32LittleEndian(frame.AsSpan(frame.Length - 4), Crc32C.Compute(frame.AsSpan(0, frame.Length - 4)));
            if (!PeerCallFrame.TryDecode(frame, 77, out _, out ReadOnlyMemory<byte> rest)) continue;
            while (PeerCallFrame.TryRead(ref rest, out PeerCallMessage message))
            {
                taken++;
                Assert.True(message.Body.Length <= frame.Length);
                Assert.True(message.Status < PeerReplyStatus.NotSent);
            }
        }

        Assert.True(taken > 10_000);
    }

    [Fact]
    public void A_window_knows_what_came()
    {
        var random = new Prng(5);
        var window = new SeenWindow();
        var seen = new HashSet<ulong>();
        ulong highest = 0;
        for (int i = 0; i < 200_000; i++)
        {
            ulong number = random.Chance(0.001)
                ? highest + (ulong)random.NextInt(1, 20_000)
                : (ulong)Math.Max(1, (long)highest + random.NextInt(-9000, 40));
            bool isKnown = number + 8192 <= highest || seen.Contains(number);
            Assert.Equal(!isKnown, window.TryAdd(number));
            seen.Add(number);
            highest = Math.Max(highest, number);
        }
    }
}
