using Nori.IO;
using NoriKV.Node.Entries;
using NoriKV.Node.Machine;
using NoriKV.Node.Ports;
using NoriKV.Node.Replication;
using NoriKV.Node.Requests;
using NoriKV.Types;

namespace NoriKV.Node;

/// <summary>Puts, deletes and gets.</summary>
public sealed partial class NoriNode
{
    private const int StackKeyBytesMax = 1100;

    private readonly ReadMetas _metas;
    private readonly KvMeta _writeMeta;

    /// <inheritdoc/>
    public async ValueTask<KvResult<PutResult>> PutAsync(
        ReadOnlyMemory<byte> key, ReadOnlyMemory<byte> value, PutOptions options, RequestContext context)
    {
        KvError? error = _validator.Put(key, value, options.Ttl, options.IfMatch, options.IfNotExists)
            ?? _validator.IdempotencyKey(options.IdempotencyKey);
        if (error is not null) return error;
        var operation = new EntryOperation(
            OperationKind.Put, key, value, TtlOf(options.Ttl), options.IfMatch, options.IfNotExists);
        KvResult<EntryOutcome> result = await ProposeAsync(
            ShardOf(key.Span), EntrySession.Parse(options.IdempotencyKey), [operation], context).ConfigureAwait(false);
        if (!result.TryGet(out EntryOutcome? outcome, out error)) return error;
        OperationOutcome done = outcome.Operations[0];
        if (OutcomeErrors.Of(done, options.IfMatch) is { } refused) return refused;
        return new PutResult(done.Version, MetaOf(outcome));
    }

    /// <inheritdoc/>
    public async ValueTask<KvResult<DeleteResult>> DeleteAsync(
        ReadOnlyMemory<byte> key, DeleteOptions options, RequestContext context)
    {
        KvError? error = _validator.Key(key) ?? _validator.IdempotencyKey(options.IdempotencyKey);
        if (error is not null) return error;
        var operation = new EntryOperation(OperationKind.Delete, key, default, 0, options.IfMatch, false);
        KvResult<EntryOutcome> result = await ProposeAsync(
            ShardOf(key.Span), EntrySession.Parse(options.IdempotencyKey), [operation], context).ConfigureAwait(false);
        if (!result.TryGet(out EntryOutcome? outcome, out error)) return error;
        OperationOutcome done = outcome.Operations[0];
        if (OutcomeErrors.Of(done, options.IfMatch) is { } refused) return refused;
        return new DeleteResult(done.Status == OutcomeStatus.Done, done.Version, MetaOf(outcome));
    }

    /// <inheritdoc/>
    public async ValueTask<KvResult<GetResult>> GetAsync(
        ReadOnlyMemory<byte> key, ReadOptions options, RequestContext context)
    {
        if (_validator.Key(key) is { } error) return error;
        return await ReadAsync(ShardOf(key.Span), key, options, context).ConfigureAwait(false);
    }

    private KvResult<GetResult> Read(ShardId shard, ReadOnlySpan<byte> key, in ReadBarrier barrier)
    {
        while (true)
        {
            // One that went away leaves nothing to read, and one that came in its place has nothing yet: both are not the same as no key.
            uint slot = _replicas.SlotOf(shard, barrier.Replica);
            if (slot == 0) return ProposalErrors.NotLeader(shard, null);
            KvResult<GetResult> read = Read(shard, slot, key, MetaOf(barrier));
            // A snapshot may have taken the shard's place meanwhile, and what lay in the old slot is removed then.
            if (_replicas.SlotOf(shard, barrier.Replica) == slot) return read;
        }
    }

    private KvMeta MetaOf(in ReadBarrier barrier)
    {
        KvMeta meta = _metas.Of(barrier.Served);
        return barrier.StalenessMs == 0 ? meta : meta with { StalenessMs = barrier.StalenessMs };
    }

    // Hot path: no closure, one array for the value.
    private KvResult<GetResult> Read(ShardId shard, uint slot, ReadOnlySpan<byte> key, KvMeta meta)
    {
        int length = EngineKey.PrefixBytes + key.Length;
        Span<byte> engineKey = length <= StackKeyBytesMax ? stackalloc byte[StackKeyBytesMax] : new byte[length];
        length = EngineKey.Write(engineKey, slot, EngineKeyKind.User, key);
        if (!_storage.TryGet(engineKey[..length], out StoredEntry entry)
            || StoredValue.IsExpired(entry.ExpiryUnixMs, NowOf(shard)))
        {
            return new GetResult(default, KvVersion.None, meta);
        }

        if (!StoredValue.TryRead(entry.Value.Span, out KvVersion version, out int offset))
        {
            return new KvError(KvCode.DataLoss, $"Shard {shard}: a stored value has an unknown format");
        }

        return new GetResult(entry.Value[offset..], version, meta);
    }

    private long NowOf(ShardId shard) =>
        Math.Max(_time.GetUtcNow().ToUnixTimeMilliseconds(), _replicas.ShardTime(shard));

    private KvMeta MetaOf(EntryOutcome outcome) => outcome.Replay switch
    {
        ReplayKind.Same => _writeMeta with { IdempotentReplay = "true" },
        ReplayKind.PayloadDiffers => _writeMeta with { IdempotentReplay = "payload_differs" },
        _ => _writeMeta,
    };

    private static ulong TtlOf(TimeSpan? ttl) => ttl is { } time ? (ulong)Math.Max(1, (long)time.TotalMilliseconds) : 0;

    /// <summary>Damage met by a read is an answer, not a crash.</summary>
    private KvResult<T> Guarded<T>(Func<KvResult<T>> read)
    {
        try
        {
            return read();
        }
        catch (CorruptionException e)
        {
            return DamageMet(e);
        }
        catch (InvalidDataException e)
        {
            return new KvError(KvCode.DataLoss, e.Message);
        }
        catch (IOException e)
        {
            return ProposalErrors.Unavailable(e.Message);
        }
    }
}
