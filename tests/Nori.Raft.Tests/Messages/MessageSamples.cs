using Nori.Core;
using Nori.Raft.Core;

namespace Nori.Raft.Tests.Messages;

/// <summary>Messages of every kind with random parts, and the entries they name.</summary>
internal sealed class MessageSamples(Prng random) : IEntrySource
{
    private readonly Dictionary<LogIndex, RaftEntry> _entries = [];

    public RaftEntry GetEntry(LogIndex index, Term term) =>
        _entries.TryGetValue(index, out RaftEntry entry) && entry.Term == term
            ? entry
            : throw new InvalidOperationException($"no entry {index}@{term}");

    public RaftMessage Next()
    {
        MessageKind kind = (MessageKind)random.NextInt(1, 17);
        RaftMessage message = new()
        {
            Kind = kind,
            Group = new GroupId(Number()),
            From = new ReplicaId(Number() | 1),
            To = new ReplicaId(Number() | 1),
            Term = new Term(Number()),
            Index = new LogIndex(Maybe() / 2),
            LogTerm = new Term(Maybe()),
            Commit = new LogIndex(Maybe()),
            IsRejected = random.Chance(0.5),
            HintIndex = new LogIndex(Maybe()),
            HintTerm = new Term(Maybe()),
            Round = Maybe(),
            Context = Maybe(),
            IsTransfer = random.Chance(0.5),
        };
        if (kind == MessageKind.Append && random.Chance(0.9)) message = message with { Entries = Entries(message.Index) };
        if (kind == MessageKind.Snapshot) message = message with { Snapshot = Snapshot() };
        return message;
    }

    public Configuration Configuration()
    {
        ReplicaId[] ids = Enumerable.Range(1, 9).Select(i => new ReplicaId((ulong)i * 300)).ToArray();
        random.Shuffle<ReplicaId>(ids);
        if (random.Chance(0.5)) return new Configuration(ids[..3], ids[3..random.NextInt(3, 6)]);
        return new Configuration(ids[..3], ids[6..8], ids[2..5], ids[3..4]);
    }

    private SnapshotMeta Snapshot() => new(
        new LogIndex(Number()), new Term(Number()), new ConfigurationEntry(new LogIndex(Maybe()), Configuration()));

    private EntryRange Entries(LogIndex previous)
    {
        _entries.Clear();
        List<TermSpan> spans = [];
        List<ConfigurationEntry> configurations = [];
        Term term = new(Number() / 2);
        LogIndex index = previous;
        long bytes = 0;
        for (int span = random.NextInt(1, 4); span > 0; span--)
        {
            term = new Term(term.Value + 1 + (ulong)random.NextInt(3));
            spans.Add(new TermSpan(term, index.Next));
            for (int count = random.NextInt(1, 5); count > 0; count--)
            {
                index = index.Next;
                RaftEntry entry = Entry(index, term, configurations);
                _entries[index] = entry;
                bytes += entry.Size;
            }
        }

        return new EntryRange(previous.Next, index, spans, configurations, bytes);
    }

    private RaftEntry Entry(LogIndex index, Term term, List<ConfigurationEntry> configurations)
    {
        if (random.Chance(0.2)) return new RaftEntry(index, term, EntryType.NoOp, default);
        if (random.Chance(0.2))
        {
            configurations.Add(new ConfigurationEntry(index, Configuration()));
            byte[] encoded = ConfigurationCodec.Encode(configurations[^1].Configuration);
            return new RaftEntry(index, term, EntryType.Configuration, encoded);
        }

        byte[] data = new byte[random.NextInt(200)];
        random.Fill(data);
        return new RaftEntry(index, term, EntryType.Normal, data);
    }

    // Of every width.
    private ulong Number() => random.NextUInt64() >> random.NextInt(64);

    private ulong Maybe() => random.Chance(0.4) ? 0 : Number();
}
