using System.Buffers.Binary;
using System.Security.Cryptography;
using Nori.Core;

namespace Nori.Swim.Sealing;

// The envelope of a datagram or a stream frame, format 1 (docs/formats/swim.md); integers little-endian:
//
//   plain:   0x4E u8 | 0x00 u8 | message
//   sealed:  0x4E u8 | 0x01 u8 | key id u32 | session u64 | counter u32 | unix ms u64 | ciphertext | tag 16 bytes
//            \______________________ authenticated as associated data _____________________/
//
//   AES-256-GCM; nonce = session, counter (12 bytes as they stand). The key is HKDF-SHA256 of the secret with the
//   info "nori-swim 1"; the key id is the first four bytes of HKDF-SHA256 with the info "nori-swim 1 key id".

/// <summary>Seals what leaves and opens what arrives. One owner, one thread.</summary>
internal sealed class Envelope : IDisposable
{
    /// <summary>What an envelope adds to a message, at most.</summary>
    public const int OverheadBytes = HeaderBytes + TagBytes;

    /// <summary>Sessions remembered at most; the one unused for longest is forgotten.</summary>
    public const int SessionsMax = 8192;

    private const byte Magic = 0x4E;
    private const byte Plain = 0;
    private const byte Sealed = 1;
    private const int KeyIdAt = 2;
    private const int NonceAt = 6;
    private const int NonceBytes = 12;
    private const int TimeAt = NonceAt + NonceBytes;
    private const int HeaderBytes = TimeAt + 8;
    private const int TagBytes = 16;

    private readonly TimeProvider _time;
    private readonly TimeSpan _tolerance;
    private readonly Dictionary<ulong, ReplayWindow> _sessions = [];
    private (uint Id, AesGcm Cipher)[] _keys = [];
    private ulong _session;
    private uint _counter;

    public Envelope(IReadOnlyList<ReadOnlyMemory<byte>> secrets, TimeProvider time, TimeSpan tolerance)
    {
        (_time, _tolerance) = (time, tolerance);
        SetKeys(secrets);
    }

    public int Sessions => _sessions.Count;

    /// <summary>Changes the keys: the first seals from now on, each opens.</summary>
    public void SetKeys(IReadOnlyList<ReadOnlyMemory<byte>> secrets)
    {
        Dispose();
        _keys = secrets.Select(s => (KeyId(s.Span), new AesGcm(Derive(s.Span, "nori-swim 1"u8, 32), TagBytes))).ToArray();
        NewSession();
    }

    /// <summary>The envelope of a message.</summary>
    public byte[] Seal(ReadOnlySpan<byte> message)
    {
        if (_keys.Length == 0) return [Magic, Plain, .. message];
        if (_counter == uint.MaxValue) NewSession();
        byte[] sealed_ = new byte[HeaderBytes + message.Length + TagBytes];
        sealed_[0] = Magic;
        sealed_[1] = Sealed;
        BinaryPrimitives.WriteUInt32LittleEndian(sealed_.AsSpan(KeyIdAt), _keys[0].Id);
        BinaryPrimitives.WriteUInt64LittleEndian(sealed_.AsSpan(NonceAt), _session);
        BinaryPrimitives.WriteUInt32LittleEndian(sealed_.AsSpan(NonceAt + 8), ++_counter);
        BinaryPrimitives.WriteInt64LittleEndian(sealed_.AsSpan(TimeAt), _time.GetUtcNow().ToUnixTimeMilliseconds());
        _keys[0].Cipher.Encrypt(
            sealed_.AsSpan(NonceAt, NonceBytes),
            message,
            sealed_.AsSpan(HeaderBytes, message.Length),
            sealed_.AsSpan(HeaderBytes + message.Length),
            sealed_.AsSpan(0, HeaderBytes));
        return sealed_;
    }

    /// <summary>The message within; empty unless the result is <see cref="SealResult.Ok"/>.</summary>
    public SealResult TryOpen(ReadOnlySpan<byte> bytes, out byte[] message)
    {
        message = [];
        if (bytes.Length < 2 || bytes[0] != Magic || bytes[1] > Sealed) return SealResult.Malformed;
        if ((bytes[1] == Sealed) != (_keys.Length > 0)) return SealResult.Unsealed;
        if (bytes[1] == Plain)
        {
            message = bytes[2..].ToArray();
            return SealResult.Ok;
        }

        if (bytes.Length < OverheadBytes) return SealResult.Malformed;
        uint keyId = BinaryPrimitives.ReadUInt32LittleEndian(bytes[KeyIdAt..]);
        SealResult result = SealResult.UnknownKey;
        foreach ((uint id, AesGcm cipher) in _keys)
        {
            if (id != keyId) continue;
            result = SealResult.Forged;
            if (!TryDecrypt(cipher, bytes, out byte[] opened)) continue;

            // Only what is proven genuine may touch the windows: strangers cannot fill or move them.
            result = Accept(bytes);
            if (result == SealResult.Ok) message = opened;
            break;
        }

        return result;
    }

    public void Dispose()
    {
        foreach ((_, AesGcm cipher) in _keys) cipher.Dispose();
        _keys = [];
    }

    private static bool TryDecrypt(AesGcm cipher, ReadOnlySpan<byte> bytes, out byte[] message)
    {
        message = new byte[bytes.Length - OverheadBytes];
        try
        {
            cipher.Decrypt(
                bytes.Slice(NonceAt, NonceBytes),
                bytes.Slice(HeaderBytes, message.Length),
                bytes[^TagBytes..],
                message,
                bytes[..HeaderBytes]);
            return true;
        }
        catch (AuthenticationTagMismatchException)
        {
            return false;
        }
    }

    private SealResult Accept(ReadOnlySpan<byte> bytes)
    {
        ulong session = BinaryPrimitives.ReadUInt64LittleEndian(bytes[NonceAt..]);
        uint counter = BinaryPrimitives.ReadUInt32LittleEndian(bytes[(NonceAt + 8)..]);
        long now = _time.GetTimestamp();
        if (!_sessions.TryGetValue(session, out ReplayWindow? window))
        {
            // The clock is asked only about sessions not known yet: one that is known is judged by its counters, so a
            // clock that jumps does not break a running cluster.
            long stamp = BinaryPrimitives.ReadInt64LittleEndian(bytes[TimeAt..]);
            long off = Math.Abs(_time.GetUtcNow().ToUnixTimeMilliseconds() - Math.Max(0, stamp));
            if (off > _tolerance.TotalMilliseconds) return SealResult.Stale;
            if (_sessions.Count >= SessionsMax) _sessions.Remove(_sessions.MinBy(s => s.Value.UsedAt).Key);
            _sessions[session] = window = new ReplayWindow();
        }

        window.UsedAt = now;
        return window.TryAccept(counter) ? SealResult.Ok : SealResult.Replayed;
    }

    private void NewSession()
    {
        Span<byte> random = stackalloc byte[8];
        RandomNumberGenerator.Fill(random);
        (_session, _counter) = (BinaryPrimitives.ReadUInt64LittleEndian(random), 0);
    }

    private static uint KeyId(ReadOnlySpan<byte> secret) =>
        BinaryPrimitives.ReadUInt32LittleEndian(Derive(secret, "nori-swim 1 key id"u8, 4));

    private static byte[] Derive(ReadOnlySpan<byte> secret, ReadOnlySpan<byte> info, int length)
    {
        Invariant.Assert(secret.Length >= 16);
        byte[] key = new byte[length];
        HKDF.DeriveKey(HashAlgorithmName.SHA256, secret, key, [], info);
        return key;
    }
}
