using System.Buffers.Binary;
using System.Globalization;
using System.Security.Cryptography;
using Nori.Core;
using NoriKV.Node.Entries;
using NoriKV.Types;
using static System.FormattableString;

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
    private byte[] _identified = new byte[256];
    private readonly RecentSessions _recent = new();

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
        int bytes = Store(round, key, SessionHead.EncodedBytesMax, head.Encode, stamp, replacedStamp, place.HeadBytes);
        RecentSessions.Recent recent = _recent.Keep(key, head, isNew: place.HeadBytes == 0, options.SessionWindow + 1);
        recent.Take(PlaceOf(entry.Session));
        (recent.HeadBytes, recent.ExpiryUnixMs) = (bytes, ExpiryOf(stamp));
    }

    /// <summary>True: decided, or the window has a place for it. False: it must be kept by its idempotency key.</summary>
    private bool FindInWindow(in DecodedEntry entry, ApplyRound round, ref LedgerPlace place, out EntryOutcome? decided)
    {
        EntrySession session = entry.Session;
        long stamp = entry.StampUnixMs;
        SessionHead? head = FindHead(HeadKey(session), stamp, round, out int headBytes, out RecentSessions.Recent? recent);
        byte[] key = WindowKey(session);
        place = place with { RecordKey = key, Head = head ?? new SessionHead(), HeadBytes = headBytes };
        if (head is null)
        {
            decided = session.Kind == SessionKind.ClientSession && stamp - (long)session.UnixMs > _retentionMs
                ? RefuseUnknown(TooOld(session, stamp))
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

        bool isFree = recent?.IsFree(PlaceOf(session)) ?? false;
        if (!isFree && TryLoad(key, stamp, round, ref place, out OutcomeRecord record) && record.Sequence == session.Sequence)
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

    private SessionHead? FindHead(
        byte[] key, long stamp, ApplyRound round, out int bytes, out RecentSessions.Recent? recent)
    {
        recent = _recent.Find(key);
        bytes = 0;
        SessionHead? head = null;
        if (recent is not null)
        {
            if (!StoredValue.IsExpired(recent.ExpiryUnixMs, stamp)) (head, bytes) = (recent.Head, recent.HeadBytes);
        }
        else if (round.TryGet(key, stamp, out ReadOnlySpan<byte> stored))
        {
            bytes = RecordBytes(key.Length, stored.Length);
            head = SessionHead.TryDecode(stored) ?? throw Damaged(key);
        }

        head?.Expire(stamp, state.Ledger.WidthMs);
        return head;
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

    private int Store(
        ApplyRound round, byte[] key, int bytesMax, EncodeRecord encode, long stamp, long replacedStamp, int replacedBytes)
    {
        if (_scratch.Length < bytesMax) _scratch = new byte[bytesMax * 2];
        int length = encode(_scratch);
        if (replacedBytes > 0) state.Ledger.Remove(replacedStamp, replacedBytes);
        int bytes = RecordBytes(key.Length, length);
        state.Ledger.Add(stamp, bytes);
        long expiry = ExpiryOf(stamp);
        state.LatestExpiry = Math.Max(state.LatestExpiry, expiry);
        round.Put(key, _scratch.AsSpan(0, length), default, expiry);
        return bytes;
    }

    private long ExpiryOf(long stamp) => stamp + state.Ledger.RecordLifeMs;

    private static EntryOutcome Replay(OutcomeRecord record, ulong hash) => new()
    {
        Operations = record.Operations,
        Replay = record.RequestHash == hash ? ReplayKind.Same : ReplayKind.PayloadDiffers,
    };

    // A client whose clock is behind is refused each first call of a session on a shard: it has to be told that it is its clock.
    private string TooOld(in EntrySession session, long stamp)
    {
        string made = Iso((long)session.UnixMs), now = Iso(stamp);
        string gap = Invariant($"{(stamp - (long)session.UnixMs) / 60_000.0:F0} min");
        return $"the call was made at {made} by its client's clock, {gap} before this shard's time ({now}), longer than outcomes are "
            + $"remembered ({options.IdempotencyRetention}): if it is no late repeat, the client's clock is {gap} behind; set it "
            + "(chronyc tracking, timedatectl)";
    }

    // Of what a caller says any number may come.
    private static string Iso(long unixMs) => DateTimeOffset
        .FromUnixTimeMilliseconds(Math.Clamp(unixMs, 0, DateTimeOffset.MaxValue.ToUnixTimeMilliseconds()))
        .ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture);

    private static EntryOutcome RefuseUnknown(string why) => new()
    {
        Operations = [],
        Refusal = new KvError(
            KvCode.CommitTimeout, $"COMMIT_TIMEOUT: {why}; it was not executed now, its outcome is unknown"),
    };

    /// <summary>Which request it is: the whole idempotency string, and the kinds and keys of its operations.</summary>
    // Hot path, on every replica: put together first and hashed by one call.
    private UInt128 Identify(in DecodedEntry entry)
    {
        byte[] id = entry.Session.ToIdempotencyKey();
        int bytes = 13 + id.Length;
        foreach (ref readonly EntryOperation operation in entry.Operations.AsSpan()) bytes += 5 + operation.Key.Length;
        if (_identified.Length < bytes) _identified = new byte[bytes * 2];
        Span<byte> target = _identified;
        target[0] = (byte)(entry.Session.Kind == SessionKind.NodeSession ? 1 : 0);
        BinaryPrimitives.WriteInt32LittleEndian(target[1..], id.Length);
        ulong sequence = entry.Session.Kind == SessionKind.NodeSession ? entry.Session.Sequence : 0;
        BinaryPrimitives.WriteUInt64LittleEndian(target[5..], sequence);
        id.CopyTo(target[13..]);
        target = target[(13 + id.Length)..];
        foreach (ref readonly EntryOperation operation in entry.Operations.AsSpan())
        {
            target[0] = (byte)operation.Kind;
            BinaryPrimitives.WriteInt32LittleEndian(target[1..], operation.Key.Length);
            operation.Key.Span.CopyTo(target[5..]);
            target = target[(5 + operation.Key.Length)..];
        }

        Span<byte> digest = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(_identified.AsSpan(0, bytes), digest);
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
        BinaryPrimitives.WriteUInt16BigEndian(key.AsSpan(key.Length - 2), (ushort)PlaceOf(session));
        return EngineKey.Create(state.Slot, EngineKeyKind.Session, key);
    }

    // One place more than the window: the sequence exactly a window below the highest still has its own.
    private int PlaceOf(in EntrySession session) => (int)(session.Sequence % (ulong)(options.SessionWindow + 1));

    private static int RecordBytes(int key, int value) => key + value + RecordOverheadBytes;

    private InvalidDataException Damaged(byte[] key) =>
        new($"shard {state.Shard}: the record under engine key {Convert.ToHexString(key)} is not what was written");

    private delegate int EncodeRecord(Span<byte> target);
}
