using System.Globalization;
using System.Text;
using Nori.Core;
using NoriKV.Node.Entries;
using NoriKV.Node.Machine;
using NoriKV.Node.Ports;
using NoriKV.Node.Replication;
using NoriKV.Types;
using Raft = Nori.Raft.Core;

namespace NoriKV.Node;

/// <summary>A replica as checkers look at it, in a node that stands still between two steps.</summary>
internal sealed class NodeInspection(RaftGroup group, ReplicaTable replicas, IStorage storage)
{
    public ReplicaId Replica => group.Replica;

    public Raft.RaftRole Role => group.Core.Role;

    public ulong Term => group.Core.Term.Value;

    public ulong Commit => group.Core.Commit.Value;

    public ulong Last => group.Core.LastIndex.Value;

    public ulong First => group.Core.BaseIndex.Value + 1;

    public ulong Durable => group.Core.DurableIndex.Value;

    public ulong Applied => replicas.Applied(group.Shard).Value;

    public Raft.SleepState Sleep => group.Core.Sleep;

    public Raft.Configuration Configuration => group.Core.Configuration;

    public ulong ConfigurationIndex => group.Core.ConfigurationIndex.Value;

    /// <summary>The term and the hash of an entry of its log; null where it has none any more.</summary>
    public (ulong Term, ulong Hash)? Entry(ulong index)
    {
        if (!group.Core.TryGetTerm(new Raft.LogIndex(index), out Raft.Term term)) return null;
        return group.TryGetEntry(index, term.Value, out ReadOnlyMemory<byte> envelope)
            ? (term.Value, XxHash64.Hash(envelope.Span))
            : null;
    }

    /// <summary>
    /// The hash of all user keys with values and versions that have not expired at the shard's time, and the applied index
    /// at which it was taken: equal indexes have equal hashes on every replica.
    /// </summary>
    public (ulong Applied, ulong Hash) ReplicaHash()
    {
        ulong hash = 0;
        Visit((key, value, expiry) =>
        {
            hash = XxHash64.Hash(key, hash);
            hash = XxHash64.Hash(value, hash);
            hash = XxHash64.Hash(BitConverter.GetBytes(expiry), hash);
        });
        return (Applied, hash);
    }

    /// <summary>The same, to read.</summary>
    public string Dump()
    {
        var text = new StringBuilder();
        Visit((key, value, expiry) => text.AppendLine(
            CultureInfo.InvariantCulture, $"{Encoding.UTF8.GetString(key)}={Convert.ToHexString(value)}@{expiry}"));
        return text.ToString();
    }

    /// <summary>The highest stamp applied, in milliseconds since 1970.</summary>
    public long ShardTimeUnixMs => replicas.ShardTime(group.Shard);

    /// <summary>The kind of an entry of its log; 0 where it has none any more.</summary>
    public EntryKind KindOf(ulong index) =>
        group.Core.TryGetTerm(new Raft.LogIndex(index), out Raft.Term term)
        && group.TryGetEntry(index, term.Value, out ReadOnlyMemory<byte> envelope)
            ? EntryWriter.KindOf(envelope.Span)
            : 0;

    private void Visit(PairVisitor visit)
    {
        uint slot = replicas.SlotOf(group.Shard);
        long time = replicas.ShardTime(group.Shard);
        using IStorageView view = storage.OpenView();
        using IStorageIterator iterator = view.NewIterator(reverse: false);
        iterator.Seek(EngineKey.Create(slot, EngineKeyKind.User));
        while (iterator.MoveNext())
        {
            ReadOnlySpan<byte> key = iterator.Key;
            if (EngineKey.SlotOf(key) != slot || key[sizeof(uint)] != (byte)EngineKeyKind.User) break;
            if (StoredValue.IsExpired(iterator.ExpiryUnixMs, time)) continue;
            visit(key[EngineKey.PrefixBytes..], iterator.Value, iterator.ExpiryUnixMs);
        }
    }

    private delegate void PairVisitor(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value, long expiryUnixMs);
}
