using Nori.IO;
using NoriKV.Node.Entries;
using NoriKV.Node.Machine;
using NoriKV.Node.Ports;
using NoriKV.Node.Replication;
using NoriKV.Types;

namespace NoriKV.Node.Meta;

/// <summary>
/// The registry in the meta group: reads what this node's replica has applied, writes batches of compare-and-set. A stale
/// read does no harm where something is written on its strength: that is refused. What is only said needs a read barrier before it.
/// </summary>
/// <remarks>Thread-safe: the lock guards what was read last.</remarks>
internal sealed class MetaStore(
    ShardId shard, IStorage storage, ReplicaTable replicas, Func<Proposal, KvError?> propose,
    CompletionQueue? completions, TimeProvider time, long retentionMs)
{
    private static readonly TimeSpan WriteTimeout = TimeSpan.FromSeconds(3);

    private readonly Lock _lock = new();
    private MetaState _last = MetaState.Empty;

    /// <summary>The shard it is.</summary>
    public ShardId Shard => shard;

    /// <summary>The registry as this node's replica has it; what was read last where nothing was applied since.</summary>
    public MetaState Read()
    {
        lock (_lock)
        {
            uint slot = replicas.SlotOf(shard);
            if (slot == 0) return MetaState.Empty;
            if (replicas.Applied(shard).Value == _last.Revision || replicas.Stopped(shard) is not null) return _last;
            try
            {
                ReadNewer(slot);
            }
            catch (CorruptionException e) when (storage is IHealableStorage healable && healable.NoteDamage(e))
            {
                // What was read last, until a peer has sent the rest.
            }

            return _last;
        }
    }

    private void ReadNewer(uint slot)
    {
        using IStorageView view = storage.OpenView();
        // The index is the view's: nothing that the records say is newer.
        if (!view.TryGet(EngineKey.Create(slot, EngineKeyKind.State), out StoredEntry record)
            || ShardState.TryDecode(record.Value.Span, slot, retentionMs) is not { } state
            || state.Applied.Value <= _last.Revision)
        {
            return;
        }

        _last = Read(view, slot, state.Applied.Value, _last);
    }

    /// <summary>Makes all of the changes or none.</summary>
    public async ValueTask<MetaWrite> WriteAsync(IReadOnlyList<MetaChange> changes)
    {
        long now = time.GetTimestamp();
        var proposal = new Proposal(
            shard, EntryWriter.Encode(EntrySession.None, [.. changes.Select(static c => c.ToOperation())]), now,
            now + (long)(WriteTimeout.TotalSeconds * time.TimestampFrequency), completions, CancellationToken.None);
        if (propose(proposal) is not null) return MetaWrite.Failed;
        KvResult<EntryOutcome> result = await proposal.Outcome.ConfigureAwait(false);
        if (!result.TryGet(out EntryOutcome? outcome, out _) || outcome.Refusal is not null) return MetaWrite.Failed;
        return Array.Exists(outcome.Operations, static o => o.IsRefused) ? MetaWrite.Conflict : MetaWrite.Done;
    }

    private MetaState Read(IStorageView view, uint slot, ulong revision, MetaState before)
    {
        var nodes = new List<RegisteredNode>();
        var nodeVersions = new List<KvVersion>();
        var shards = new List<MetaShard>();
        var shardVersions = new List<KvVersion>();
        MetaState state = MetaState.Empty with { Revision = revision };
        using IStorageIterator iterator = view.NewIterator(reverse: false);
        iterator.Seek(EngineKey.Create(slot, EngineKeyKind.User));
        while (iterator.MoveNext())
        {
            ReadOnlySpan<byte> key = iterator.Key;
            if (EngineKey.SlotOf(key) != slot || key[sizeof(uint)] != (byte)EngineKeyKind.User) break;
            key = key[EngineKey.PrefixBytes..];
            ReadOnlySpan<byte> stored = iterator.Value;
            if (!StoredValue.TryRead(stored, out KvVersion version, out int offset)) throw Damaged(key);
            ReadOnlySpan<byte> value = stored[offset..];
            switch (key[0])
            {
                case MetaRecords.SettingsKind:
                    MetaSettings settings = MetaRecords.TryDecodeSettings(value) ?? throw Damaged(key);
                    state = state with { Settings = settings, SettingsVersion = version };
                    break;
                case MetaRecords.CountersKind:
                    MetaCounters counters = MetaRecords.TryDecodeCounters(value) ?? throw Damaged(key);
                    state = state with { Counters = counters, CountersVersion = version };
                    break;
                case MetaRecords.NodeKind:
                    nodes.Add(MetaRecords.TryDecodeNode(key, value) ?? throw Damaged(key));
                    nodeVersions.Add(version);
                    break;
                case MetaRecords.ShardKind:
                    // Most did not change since the last look.
                    bool isSame = shards.Count < before.Shards.Count && before.ShardVersions[shards.Count] == version;
                    shards.Add(isSame
                        ? before.Shards[shards.Count]
                        : MetaRecords.TryDecodeShard(key, value) ?? throw Damaged(key));
                    shardVersions.Add(version);
                    break;
                default:
                    throw Damaged(key);
            }
        }

        return state with
        {
            Nodes = nodes, NodeVersions = nodeVersions, Shards = shards, ShardVersions = shardVersions,
        };
    }

    private static InvalidDataException Damaged(ReadOnlySpan<byte> key) =>
        new($"the meta group's record {Convert.ToHexString(key)} has an unknown format");
}
