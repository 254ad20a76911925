using System.Buffers;
using Nori.Core;
using Nori.Raft.Core;

namespace Nori.Raft.Tests.Messages;

/// <summary>Messages in bytes: what was written is read, and bytes from strangers are a message or a no.</summary>
public sealed class RaftMessageCodecTests
{
    private const ulong Seed = 20261122;

    [Fact]
    public void Every_message_reads_back_as_it_was_written()
    {
        MessageSamples samples = new(new Prng(Seed));
        List<RaftEntry> entries = [];
        HashSet<MessageKind> seen = [];
        for (int i = 0; i < 3000; i++)
        {
            RaftMessage message = samples.Next();
            byte[] bytes = Bytes(message, samples);
            Assert.True(RaftMessageCodec.TryRead(bytes, out RaftMessage read, entries), message.ToString());
            AssertSame(message, read);
            foreach (RaftEntry entry in entries)
            {
                RaftEntry original = samples.GetEntry(entry.Index, entry.Term);
                Assert.Equal(original.Type, entry.Type);
                Assert.True(original.Data.Span.SequenceEqual(entry.Data.Span), entry.ToString());
            }

            Assert.Equal(message.Entries.Count, (ulong)entries.Count);
            seen.Add(message.Kind);
        }

        Assert.Equal(16, seen.Count);
    }

    [Fact]
    public void Messages_stand_behind_one_another()
    {
        MessageSamples samples = new(new Prng(Seed + 1));
        ArrayBufferWriter<byte> writer = new();
        List<RaftMessage> messages = [];
        for (int i = 0; i < 50; i++)
        {
            messages.Add(samples.Next());
            RaftMessageCodec.Write(messages[i], samples, writer);
        }

        SpanReader reader = new(writer.WrittenSpan);
        List<RaftEntry> entries = [];
        foreach (RaftMessage message in messages)
        {
            Assert.True(RaftMessageCodec.TryRead(ref reader, out RaftMessage read, entries));
            AssertSame(message, read);
        }

        Assert.True(reader.AtEnd);
    }

    [Fact]
    public void A_message_that_is_cut_anywhere_is_refused()
    {
        MessageSamples samples = new(new Prng(Seed + 2));
        List<RaftEntry> entries = [];
        for (int i = 0; i < 100; i++)
        {
            byte[] bytes = Bytes(samples.Next(), samples);
            for (int length = 0; length < bytes.Length; length++)
            {
                Assert.False(RaftMessageCodec.TryRead(bytes.AsSpan(0, length), out _, entries));
                Assert.Empty(entries);
            }

            Assert.False(RaftMessageCodec.TryRead([.. bytes, 0], out _, entries));
        }
    }

    [Fact]
    public void The_layout_is_the_documented_one()
    {
        RaftEntry entry = new(new LogIndex(8), new Term(3), EntryType.Normal, new byte[] { 0xAA, 0xBB });
        RaftMessage message = new()
        {
            Kind = MessageKind.Append, Group = new GroupId(300), From = new ReplicaId(1), To = new ReplicaId(2),
            Term = new Term(3), Index = new LogIndex(7), LogTerm = new Term(2), Commit = new LogIndex(6),
            Entries = new EntryRange(entry.Index, entry.Index, [new TermSpan(entry.Term, entry.Index)], [], entry.Size),
        };
        Assert.Equal("01018700" + "AC02" + "01" + "02" + "03" + "07" + "02" + "06" + "01" + "0301" + "0002AABB", Hex(message, entry));
        RaftMessage answer = new()
        {
            Kind = MessageKind.HeartbeatResponse, Group = new GroupId(1), From = new ReplicaId(2), To = new ReplicaId(1),
            Term = new Term(3), Round = 5, Context = 0x1122334455667788, IsRejected = true,
        };
        Assert.Equal("01043001" + "01" + "02" + "01" + "03" + "05" + "8877665544332211", Hex(answer, entry));
        Configuration joint = new(Ids(1, 2), Ids(5), Ids(2, 3), Ids(3));
        Assert.Equal("01" + "020102" + "0105" + "020203" + "0103", Convert.ToHexString(ConfigurationCodec.Encode(joint)));
    }

    // A wrong byte gives a no or another message, which survives writing and reading; the core then judges it.
    [Fact]
    public void Mutated_messages_are_read_as_messages_or_refused()
    {
        Prng random = new(Seed + 3);
        MessageSamples samples = new(random);
        List<RaftEntry> entries = [], again = [];
        int taken = 0;
        const int rounds = 60_000;
        for (int i = 0; i < rounds; i++)
        {
            byte[] bytes = Bytes(samples.Next(), samples);
            for (int m = random.NextInt(1, 5); m > 0; m--) Mutate(random, bytes);
            if (!RaftMessageCodec.TryRead(bytes, out RaftMessage message, entries)) continue;
            taken++;
            Assert.True(message.Entries.Count == (ulong)entries.Count, $"seed {Seed + 3} round {i}");
            byte[] rewritten = Bytes(message, new ListSource(entries));
            Assert.True(RaftMessageCodec.TryRead(rewritten, out RaftMessage read, again), $"seed {Seed + 3} round {i}");
            AssertSame(message, read);
        }

        Assert.InRange(taken, rounds / 10, rounds * 9 / 10);
    }

    [Fact]
    public void Lengths_and_counts_of_strangers_take_no_memory()
    {
        MessageSamples samples = new(new Prng(Seed + 4));
        byte[] head = Bytes(new RaftMessage { Kind = MessageKind.Append, Group = new GroupId(1) }, samples);
        head[2] = 1 << 7;
        byte[] huge = [0xFF, 0xFF, 0xFF, 0xFF, 0x07];
        byte[][] tails =
        [
            [.. huge],
            [1, 1, .. huge],
            [1, 1, .. huge, 0, .. huge],
            [1, 1, 1, (byte)EntryType.Configuration, 6, 1, .. huge],
        ];
        foreach (byte[] tail in tails)
        {
            byte[] bytes = [.. head, .. tail];
            List<RaftEntry> entries = [];
            long least = Allocations.Least(
                () => Assert.False(RaftMessageCodec.TryRead(bytes, out _, entries)));
            Assert.InRange(least, 0, 10_000);
        }
    }

    [Theory]
    [InlineData("02")]
    [InlineData("0100000000")]
    [InlineData("01" + "020201" + "000000")]
    [InlineData("01" + "020101" + "000000")]
    [InlineData("01" + "0101" + "0101" + "0000")]
    [InlineData("01" + "0101" + "00" + "00" + "0107")]
    [InlineData("01" + "0101" + "000000" + "00")]
    [InlineData("01" + "0100" + "000000")]
    public void Configurations_that_contradict_themselves_are_refused(string hex)
    {
        bool isEmpty = hex == "0100000000";
        Assert.Equal(isEmpty, ConfigurationCodec.TryDecode(Convert.FromHexString(hex), out Configuration read));
        Assert.Equal(Configuration.Empty, read);
    }

    private static void Mutate(Prng random, byte[] bytes)
    {
        int at = random.NextInt(bytes.Length);
        if (random.Chance(0.5)) bytes[at] ^= (byte)(1 << random.NextInt(8));
        else bytes[at] = (byte)random.NextUInt32();
    }

    private static byte[] Bytes(RaftMessage message, IEntrySource source)
    {
        ArrayBufferWriter<byte> writer = new();
        RaftMessageCodec.Write(message, source, writer);
        return writer.WrittenSpan.ToArray();
    }

    private static string Hex(RaftMessage message, RaftEntry entry) =>
        Convert.ToHexString(Bytes(message, new ListSource([entry])));

    private static ReplicaId[] Ids(params ulong[] ids) => ids.Select(i => new ReplicaId(i)).ToArray();

    private static void AssertSame(RaftMessage expected, RaftMessage actual)
    {
        Assert.Equal(expected with { Entries = EntryRange.Empty, Snapshot = null },
            actual with { Entries = EntryRange.Empty, Snapshot = null });
        Assert.Equal(expected.Snapshot?.ToString(), actual.Snapshot?.ToString());
        Assert.Equal(expected.Snapshot?.Configuration.Configuration, actual.Snapshot?.Configuration.Configuration);
        Assert.Equal(expected.Entries.Terms, actual.Entries.Terms);
        Assert.Equal(expected.Entries.Configurations, actual.Entries.Configurations);
        Assert.Equal((expected.Entries.First, expected.Entries.Last), (actual.Entries.First, actual.Entries.Last));
        Assert.Equal(expected.Entries.Bytes, actual.Entries.Bytes);
    }

    private sealed class ListSource(IReadOnlyList<RaftEntry> entries) : IEntrySource
    {
        public RaftEntry GetEntry(LogIndex index, Term term) => entries.Single(e => e.Index == index && e.Term == term);
    }
}
