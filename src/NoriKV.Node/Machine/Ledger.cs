using System.Buffers.Binary;
using System.Security.Cryptography;
using Nori.Core;
using NoriKV.Node.Entries;
using NoriKV.Types;

namespace NoriKV.Node.Machine;

/// <summary>
/// Exactly once (protocol.md §6): looks an entry's session up before it is applied, and keeps what it came to. All by
/// the entry's stamp, never by a clock, so that every replica decides alike.
/// </summary>
/// <remarks>
/// Engine keys of kind 1: <c>1 | identity 16 bytes</c> an idempotency key's outcome; <c>2 | kind u8 | session</c> a
/// session's head; <c>3 | kind u8 | session length u16 BE | session | place u16 BE</c> an outcome of the session's
/// window, a ring.
/// </remarks>
internal sealed class Ledger(ShardState state, MachineOptions options)
{
    private const byte TagOutcome = 1;
    private const byte TagHead = 2;
    private const byte TagWindow = 3;
    private const int RecordOverheadBytes = 32;

    private readonly long _retentionMs = (long)options.IdempotencyRetention.TotalMilliseconds;
    private byte[] _scratch = new byte[512];

    /// <summary>Looks for the entry's first outcome. Null: it is new (or must be kept by its idempotency key).</summary>
    public EntryOutcome? Find(in DecodedEntry entry, ApplyRound round, out LedgerPlace place)
    {
        state.Ledger.Expire(entry.StampUnixMs);
        UInt128 identity = Identify(entry);
        ulong hash = XxHash64.Hash(entry.Body.Span);
        place = new LedgerPlace(identity, hash, null, null);
        if (entry.Session.Kind != SessionKind.IdempotencyKey
            && FindInWindow(entry, round, ref place, out EntryOutcome? decided))
        {
            return decided;
        }

        place = place with { RecordKey = OutcomeKey(identity) };
        return TryLoad(place.RecordKey, entry.StampUnixMs, round, ref place, out OutcomeRecord record)
            ? Replay(record, hash)
            : RefuseWhenFull(place, entry);
    }

    /// <summary>Keeps what a new entry came to.</summary>
    public void Keep(in DecodedEntry entry, LedgerPlace place, OperationOutcome[] outcomes, ApplyRound round)
    {
        long stamp = entry.StampUnixMs;
        var record = new OutcomeRecord(place.Identity, place.RequestHash, stamp, entry.Session.Sequence, outcomes);
        Store(round, place.RecordKey!, record.EncodedBytesMax, record.Encode, stamp, place.ReplacedStamp, place.ReplacedBytes);
        if (place.Head is not { } head) return;
        byte[] key = HeadKey(entry.Session);
        long replacedStamp = head.Stamp;
        head.Note(entry.Session.Sequence, stamp, state.Ledger.WidthMs);
        Store(round, key, SessionHead.EncodedBytesMax, head.Encode, stamp, replacedStamp, place.HeadBytes);
    }

    /// <summary>True: decided, or the window has a place for it. False: it must be kept by its idempotency key.</summary>
    private bool FindInWindow(in DecodedEntry entry, ApplyRound round, ref LedgerPlace place, out EntryOutcome? decided)
    {
        EntrySession session = entry.Session;
        long stamp = entry.StampUnixMs;
        byte[] headKey = HeadKey(session);
        SessionHead? head = null;
        int headBytes = 0;
        if (round.TryGet(headKey, stamp, out ReadOnlySpan<byte> stored))
        {
            headBytes = RecordBytes(headKey.Length, stored.Length);
            head = SessionHead.TryDecode(stored) ?? throw Damaged(headKey);
            head.Expire(stamp, state.Ledger.WidthMs);
        }

        byte[] key = WindowKey(session);
        place = place with { RecordKey = key, Head = head ?? new SessionHead(), HeadBytes = headBytes };
        if (head is null)
        {
            decided = session.Kind == SessionKind.ClientSession && stamp - (long)session.UnixMs > _retentionMs
                ? RefuseUnknown($"the call is older than the retention of {options.IdempotencyRetention}")
                : RefuseWhenFull(place, entry);
            return true;
        }

        if (head.Highest > session.Sequence && head.Highest - session.Sequence > (ulong)options.SessionWindow)
        {
            decided = RefuseUnknown(
                $"sequence {session.Sequence} is more than {options.SessionWindow} below the session's highest, "
                + $"{head.Highest}");
            return true;
        }

        if (TryLoad(key, stamp, round, ref place, out OutcomeRecord record) && record.Sequence == session.Sequence)
        {
            // The same sequence for another operation or key is another request, kept by its whole string.
            decided = record.Identity == place.Identity ? Replay(record, place.RequestHash) : null;
            if (decided is null) place = new LedgerPlace(place.Identity, place.RequestHash, null, null);
            return decided is not null;
        }

        decided = session.Sequence <= head.Floor
            ? RefuseUnknown(
                $"the outcome of sequence {session.Sequence} is past the retention of {options.IdempotencyRetention}")
            : RefuseWhenFull(place, entry);
        return true;
    }

    private bool TryLoad(byte[] key, long stamp, ApplyRound round, ref LedgerPlace place, out OutcomeRecord record)
    {
        record = default;
        if (!round.TryGet(key, stamp, out ReadOnlySpan<byte> stored)) return false;
        if (!OutcomeRecord.TryDecode(stored, out record)) throw Damaged(key);
        place = place with { ReplacedStamp = record.Stamp, ReplacedBytes = RecordBytes(key.Length, stored.Length) };
        return true;
    }

    private EntryOutcome? RefuseWhenFull(LedgerPlace place, in DecodedEntry entry)
    {
        long growth = RecordBytes(place.RecordKey!.Length, 64 + (entry.Operations.Length * 8)) - place.ReplacedBytes;
        if (growth <= 0 || state.Ledger.Total + growth <= options.IdempotencyBytesMax) return null;
        return new EntryOutcome
        {
            Operations = [],
            Refusal = new KvError(
                KvCode.Overloaded,
                $"Shard {state.Shard} holds {state.Ledger.Total} bytes of idempotency records, its bound is "
                + $"{options.IdempotencyBytesMax}; they expire {options.IdempotencyRetention} after they were written")
            {
                RetryAfter = TimeSpan.FromMilliseconds(state.Ledger.WidthMs),
            },
        };
    }

    private void Store(
        ApplyRound round, byte[] key, int bytesMax, EncodeRecord encode, long stamp, long replacedStamp, int replacedBytes)
    {
        if (_scratch.Length < bytesMax) _scratch = new byte[bytesMax * 2];
        int length = encode(_scratch);
        if (replacedBytes > 0) state.Ledger.Remove(replacedStamp, replacedBytes);
        state.Ledger.Add(stamp, RecordBytes(key.Length, length));
        long expiry = stamp + state.Ledger.RecordLifeMs;
        state.LatestExpiry = Math.Max(state.LatestExpiry, expiry);
        round.Put(key, _scratch.AsSpan(0, length), default, expiry);
    }

    private static EntryOutcome Replay(OutcomeRecord record, ulong hash) => new()
    {
        Operations = record.Operations,
        Replay = record.RequestHash == hash ? ReplayKind.Same : ReplayKind.PayloadDiffers,
    };

    private static EntryOutcome RefuseUnknown(string why) => new()
    {
        Operations = [],
        Refusal = new KvError(
            KvCode.CommitTimeout, $"COMMIT_TIMEOUT: {why}; it was not executed now, its outcome is unknown"),
    };

    /// <summary>Which request it is: the whole idempotency string, and the kinds and keys of its operations.</summary>
    private static UInt128 Identify(in DecodedEntry entry)
    {
        using var sha = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        Span<byte> head = stackalloc byte[13];
        byte[] id = entry.Session.ToIdempotencyKey();
        head[0] = (byte)(entry.Session.Kind == SessionKind.NodeSession ? 1 : 0);
        BinaryPrimitives.WriteInt32LittleEndian(head[1..], id.Length);
        ulong sequence = entry.Session.Kind == SessionKind.NodeSession ? entry.Session.Sequence : 0;
        BinaryPrimitives.WriteUInt64LittleEndian(head[5..], sequence);
        sha.AppendData(head);
        sha.AppendData(id);
        foreach (ref readonly EntryOperation operation in entry.Operations.AsSpan())
        {
            head[0] = (byte)operation.Kind;
            BinaryPrimitives.WriteInt32LittleEndian(head[1..], operation.Key.Length);
            sha.AppendData(head[..5]);
            sha.AppendData(operation.Key.Span);
        }

        Span<byte> digest = stackalloc byte[32];
        sha.GetHashAndReset(digest);
        return BinaryPrimitives.ReadUInt128LittleEndian(digest);
    }

    private byte[] OutcomeKey(UInt128 identity)
    {
        Span<byte> key = stackalloc byte[17];
        key[0] = TagOutcome;
        BinaryPrimitives.WriteUInt128BigEndian(key[1..], identity);
        return EngineKey.Create(state.Slot, EngineKeyKind.Session, key);
    }

    private byte[] HeadKey(EntrySession session)
    {
        byte[] key = new byte[2 + session.Id.Length];
        key[0] = TagHead;
        key[1] = (byte)session.Kind;
        session.Id.Span.CopyTo(key.AsSpan(2));
        return EngineKey.Create(state.Slot, EngineKeyKind.Session, key);
    }

    private byte[] WindowKey(EntrySession session)
    {
        byte[] key = new byte[6 + session.Id.Length];
        key[0] = TagWindow;
        key[1] = (byte)session.Kind;
        BinaryPrimitives.WriteUInt16BigEndian(key.AsSpan(2), (ushort)session.Id.Length);
        session.Id.Span.CopyTo(key.AsSpan(4));
        // One place more than the window: the sequence exactly a window below the highest still has its own.
        ushort place = (ushort)(session.Sequence % (ulong)(options.SessionWindow + 1));
        BinaryPrimitives.WriteUInt16BigEndian(key.AsSpan(key.Length - 2), place);
        return EngineKey.Create(state.Slot, EngineKeyKind.Session, key);
    }

    private static int RecordBytes(int key, int value) => key + value + RecordOverheadBytes;

    private InvalidDataException Damaged(byte[] key) =>
        new($"shard {state.Shard}: the record under engine key {Convert.ToHexString(key)} is not what was written");

    private delegate int EncodeRecord(Span<byte> target);
}
