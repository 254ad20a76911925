using System.Buffers;
using System.Buffers.Text;
using System.Collections;
using System.Diagnostics.CodeAnalysis;

namespace Nori.Grpc;

/// <summary>
/// Headers or trailers of a call: an ordered list of entries; a key may occur more than once. Keys are of
/// <c>[0-9a-z_.-]</c> and written in lower case; a key that ends in <c>-bin</c> carries bytes; other values
/// are printable ASCII. Keys that begin with <c>grpc-</c> belong to the protocol and are refused.
/// </summary>
/// <remarks>Not thread-safe.</remarks>
[SuppressMessage("Naming", "CA1710", Justification = "Metadata is the protocol's word.")]
public sealed class Metadata : IReadOnlyList<MetadataEntry>
{
    private static readonly SearchValues<char> KeyChars =
        SearchValues.Create("0123456789abcdefghijklmnopqrstuvwxyz_.-");

    private readonly List<MetadataEntry> _entries = [];

    /// <summary>How many entries there are.</summary>
    public int Count => _entries.Count;

    /// <summary>The entry at this place.</summary>
    public MetadataEntry this[int index] => _entries[index];

    /// <summary>Adds a text value.</summary>
    /// <exception cref="ArgumentException">
    /// The key or the value cannot travel, or the key names bytes.
    /// </exception>
    public void Add(string key, string value)
    {
        key = CheckedKey(key);
        if (IsBinaryKey(key)) throw new ArgumentException($"'{key}' takes bytes.", nameof(key));
        if (value.AsSpan().IndexOfAnyExceptInRange(' ', '~') >= 0)
            throw new ArgumentException($"The value of '{key}' is not printable ASCII.", nameof(value));
        _entries.Add(new MetadataEntry(key, value));
    }

    /// <summary>Adds bytes, which the list keeps without copying.</summary>
    /// <exception cref="ArgumentException">The key cannot travel or does not end in <c>-bin</c>.</exception>
    public void Add(string key, ReadOnlyMemory<byte> value)
    {
        key = CheckedKey(key);
        if (!IsBinaryKey(key)) throw new ArgumentException($"'{key}' does not end in -bin.", nameof(key));
        _entries.Add(new MetadataEntry(key, value));
    }

    /// <summary>The first text value of a key, or null.</summary>
    public string? GetValue(string key)
    {
        foreach (MetadataEntry entry in _entries)
        {
            if (!entry.IsBinary && string.Equals(entry.Key, key, StringComparison.OrdinalIgnoreCase))
                return entry.Value;
        }

        return null;
    }

    /// <summary>The first bytes of a <c>-bin</c> key, or null.</summary>
    public ReadOnlyMemory<byte>? GetBytes(string key)
    {
        foreach (MetadataEntry entry in _entries)
        {
            if (entry.IsBinary && string.Equals(entry.Key, key, StringComparison.OrdinalIgnoreCase))
                return entry.ValueBytes;
        }

        return null;
    }

    /// <summary>
    /// Adds what arrived in an HTTP/2 header: base64 of a <c>-bin</c> key is decoded (several values may be
    /// joined by commas, with or without padding). False, and nothing added, for a header of the protocol's
    /// own or a value that does not decode: a receiver ignores those.
    /// </summary>
    public bool TryAddWire(string key, string value)
    {
        if (key.Length == 0 || key[0] == ':') return false;
        if (!IsValidKey(key))
        {
            key = key.ToLowerInvariant();
            if (!IsValidKey(key)) return false;
        }

        if (IsReserved(key)) return false;
        if (!IsBinaryKey(key))
        {
            _entries.Add(new MetadataEntry(key, value));
            return true;
        }

        int before = _entries.Count;
        foreach (Range part in value.AsSpan().Split(','))
        {
            if (TryDecode(value.AsSpan(part).Trim(' '), out byte[]? bytes))
            {
                _entries.Add(new MetadataEntry(key, bytes));
                continue;
            }

            _entries.RemoveRange(before, _entries.Count - before);
            return false;
        }

        return true;
    }

    /// <inheritdoc/>
    public IEnumerator<MetadataEntry> GetEnumerator() => _entries.GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    private static bool TryDecode(ReadOnlySpan<char> text, [NotNullWhen(true)] out byte[]? bytes)
    {
        // Senders should leave out the padding, receivers take both.
        text = text.TrimEnd('=');
        bytes = null;
        if (text.Length % 4 == 1) return false;
        Span<char> padded = text.Length <= 252 ? stackalloc char[256] : new char[text.Length + 4];
        text.CopyTo(padded);
        int length = text.Length;
        while (length % 4 != 0) padded[length++] = '=';
        if (!Base64.IsValid(padded[..length], out int decoded)) return false;
        bytes = new byte[decoded];
        return Convert.TryFromBase64Chars(padded[..length], bytes, out int written) && written == decoded;
    }

    private static string CheckedKey(string key)
    {
        string lower = IsValidKey(key) ? key : key.ToLowerInvariant();
        if (!IsValidKey(lower)) throw new ArgumentException($"'{key}' is not a metadata key.", nameof(key));
        if (IsReserved(lower)) throw new ArgumentException($"'{key}' belongs to the protocol.", nameof(key));
        return lower;
    }

    private static bool IsValidKey(string key) => key.Length > 0 && !key.AsSpan().ContainsAnyExcept(KeyChars);

    private static bool IsBinaryKey(string key) => key.EndsWith("-bin", StringComparison.Ordinal);

    // What HTTP/2 and gRPC use themselves: never an application's.
    private static bool IsReserved(string key) =>
        key.StartsWith("grpc-", StringComparison.Ordinal)
        || key is "te" or "content-type" or "content-length" or "host" or "connection" or "transfer-encoding"
            or "date" or "server";
}
