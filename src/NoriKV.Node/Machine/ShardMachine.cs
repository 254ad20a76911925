using Nori.Core;
using NoriKV.Node.Entries;
using NoriKV.Node.Replication;
using NoriKV.Types;

namespace NoriKV.Node.Machine;

/// <summary>
/// The replicated state machine of one shard: the meaning of every operation, deterministic. Time is the entry's stamp;
/// no clock is ever asked. Equal entries in equal order give equal states on every replica.
/// </summary>
/// <remarks>One worker owns it.</remarks>
internal sealed class ShardMachine(ShardState state, MachineOptions options)
{
    private readonly Ledger _ledger = new(state, options);
    private byte[] _key = new byte[EngineKey.PrefixBytes + 1024];

    public ShardState State => state;

    /// <summary>
    /// Applies the next entry into the round. Bytes that are no entry this code knows stop the shard: skipping one would
    /// make replicas differ.
    /// </summary>
    /// <exception cref="UnknownEntryException">The entry cannot be read; nothing was changed.</exception>
    /// <exception cref="InvalidDataException">A stored record cannot be read.</exception>
    public EntryOutcome Apply(in CommittedEntry committed, ApplyRound round)
    {
        Invariant.Assert(committed.Index.Value == state.Applied.Value + 1);
        Invariant.Assert(committed.Term.CompareTo(state.AppliedTerm) >= 0);
        if (!EntryReader.TryDecode(committed.Envelope, out DecodedEntry entry, out string? error))
        {
            throw new UnknownEntryException(
                $"Shard {state.Shard} stopped: entry {committed.Index} of term {committed.Term} cannot be applied: {error}");
        }

        state.Applied = committed.Index;
        state.AppliedTerm = committed.Term;
        state.ShardTime = Math.Max(state.ShardTime, entry.StampUnixMs);
        if (entry.Kind == EntryKind.Configuration)
        {
            (state.Configuration, state.ConfigurationIndex) = (entry.Members, committed.Index);
        }

        round.Touch(state);
        round.Watermark = Math.Max(round.Watermark, committed.Watermark);
        return entry.Kind == EntryKind.Operations
            ? ApplyOperations(entry, new KvVersion(committed.Term.Value, committed.Index.Value), round)
            : EntryOutcome.Nothing;
    }

    private EntryOutcome ApplyOperations(in DecodedEntry entry, KvVersion version, ApplyRound round)
    {
        if (entry.Session.Kind == SessionKind.None)
        {
            return new EntryOutcome { Operations = Execute(entry, version, round) };
        }

        if (_ledger.Find(entry, round, out LedgerPlace place) is { } decided)
        {
            return decided.Replay == ReplayKind.None ? decided : WithReads(decided, entry, round);
        }

        OperationOutcome[] outcomes = Execute(entry, version, round);
        _ledger.Keep(entry, place, outcomes, round);
        return new EntryOutcome { Operations = outcomes };
    }

    private OperationOutcome[] Execute(in DecodedEntry entry, KvVersion version, ApplyRound round)
    {
        EntryOperation[] operations = entry.Operations;
        var outcomes = new OperationOutcome[operations.Length];
        bool refused = false;
        for (int i = 0; i < operations.Length; i++)
        {
            outcomes[i] = Judge(operations[i], entry.StampUnixMs, version, round);
            refused |= outcomes[i].IsRefused;
        }

        for (int i = 0; i < operations.Length; i++)
        {
            if (operations[i].Kind == OperationKind.Get || outcomes[i].IsRefused) continue;
            if (refused) outcomes[i] = new OperationOutcome(OutcomeStatus.NotApplied, KvVersion.None);
            else Write(operations[i], outcomes[i], entry.StampUnixMs, version, round);
        }

        return outcomes;
    }

    /// <summary>What the operation will come to, by what its key holds at the stamp. Writes nothing.</summary>
    private OperationOutcome Judge(in EntryOperation operation, long stamp, KvVersion version, ApplyRound round)
    {
        bool mustLook = operation.IsConditional || operation.Kind != OperationKind.Put;
        KvVersion current = KvVersion.None;
        ReadOnlySpan<byte> value = default;
        if (mustLook) TryGetCurrent(operation.Key.Span, stamp, round, out current, out value);
        if (operation.Kind == OperationKind.Get)
        {
            return current.IsPresent
                ? new OperationOutcome(OutcomeStatus.Found, current, value.ToArray())
                : new OperationOutcome(OutcomeStatus.Missing, current);
        }

        if (operation.IfMatch is { } expected && (!current.IsPresent || expected != current))
        {
            return new OperationOutcome(OutcomeStatus.VersionMismatch, current);
        }

        if (operation.IfNotExists && current.IsPresent) return new OperationOutcome(OutcomeStatus.AlreadyExists, current);
        bool deletesNothing = operation.Kind == OperationKind.Delete && !current.IsPresent;
        return new OperationOutcome(deletesNothing ? OutcomeStatus.NothingToDelete : OutcomeStatus.Done, version);
    }

    private void Write(
        in EntryOperation operation, OperationOutcome outcome, long stamp, KvVersion version, ApplyRound round)
    {
        if (outcome.Status == OutcomeStatus.NothingToDelete) return;
        ReadOnlySpan<byte> key = Key(operation.Key.Span);
        if (operation.Kind == OperationKind.Delete)
        {
            round.Delete(key);
            return;
        }

        Span<byte> header = stackalloc byte[StoredValue.HeaderBytesMax];
        int length = StoredValue.WriteHeader(header, version);
        long expiry = ExpiryOf(stamp, operation.TtlMs);
        state.LatestExpiry = Math.Max(state.LatestExpiry, expiry);
        round.Put(key, header[..length], operation.Value.Span, expiry);
    }

    private bool TryGetCurrent(
        ReadOnlySpan<byte> userKey, long stamp, ApplyRound round, out KvVersion version, out ReadOnlySpan<byte> value)
    {
        version = KvVersion.None;
        value = default;
        if (!round.TryGet(Key(userKey), stamp, out ReadOnlySpan<byte> stored)) return false;
        if (!StoredValue.TryRead(stored, out version, out int offset))
        {
            throw new InvalidDataException($"shard {state.Shard}: a stored value has an unknown format");
        }

        value = stored[offset..];
        return true;
    }

    /// <summary>A repeat's reads are made anew: values are not kept with outcomes.</summary>
    private EntryOutcome WithReads(EntryOutcome decided, in DecodedEntry entry, ApplyRound round)
    {
        Invariant.Assert(decided.Operations.Length == entry.Operations.Length);
        for (int i = 0; i < entry.Operations.Length; i++)
        {
            if (entry.Operations[i].Kind != OperationKind.Get) continue;
            decided.Operations[i] = Judge(entry.Operations[i], entry.StampUnixMs, KvVersion.None, round);
        }

        return decided;
    }

    private ReadOnlySpan<byte> Key(ReadOnlySpan<byte> userKey)
    {
        int needed = EngineKey.PrefixBytes + userKey.Length;
        if (_key.Length < needed) _key = new byte[needed * 2];
        return _key.AsSpan(0, EngineKey.Write(_key, state.Slot, EngineKeyKind.User, userKey));
    }

    private static long ExpiryOf(long stamp, ulong ttlMs) => ttlMs switch
    {
        0 => 0,
        _ when ttlMs >= (ulong)(long.MaxValue - stamp) => long.MaxValue,
        _ => stamp + (long)ttlMs,
    };
}
