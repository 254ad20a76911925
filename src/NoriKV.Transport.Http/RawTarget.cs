using System.Buffers.Text;
using System.Globalization;
using System.Text;

namespace NoriKV.Transport.Http;

/// <summary>
/// A request target as it stood on the wire, before anything decoded or normalised it: <c>a%2Fb</c> and
/// <c>a%252Fb</c> are different keys, and <c>..</c> is a key, not a direction.
/// </summary>
internal sealed class RawTarget
{
    private readonly string _query;

    private RawTarget(string path, string query) => (Path, _query) = (path, query);

    /// <summary>Everything up to <c>?</c>, still encoded.</summary>
    public string Path { get; }

    /// <summary>
    /// Takes a target in origin form (<c>/kv/a?x=1</c>) or absolute form (<c>http://host/kv/a</c>).
    /// </summary>
    public static RawTarget Parse(string target)
    {
        int from = 0;
        if (target.Length > 0 && target[0] != '/')
        {
            int scheme = target.IndexOf("://", StringComparison.Ordinal);
            if (scheme > 0)
            {
                from = target.IndexOfAny(['/', '?'], scheme + 3);
                if (from < 0) return new RawTarget("/", "");
            }
        }

        int question = target.IndexOf('?', from);
        return question < 0
            ? new RawTarget(target[from..], "")
            : new RawTarget(target[from..question], target[(question + 1)..]);
    }

    /// <summary>
    /// Refuses a query that names any other parameter: a word that is not understood must not be taken for one that was obeyed.
    /// </summary>
    public void Only(params ReadOnlySpan<string> known)
    {
        if (_query.Length == 0) return;
        foreach (string part in _query.Split('&'))
        {
            (string key, _) = Cut(part);
            if (key.Length == 0 || known.Contains(key)) continue;
            string all = known.IsEmpty ? "this takes none" : $"known are {string.Join(", ", known)}";
            throw new BadTargetException($"unknown parameter '{Shown(key)}': {all}");
        }
    }

    /// <summary>True when the query names the parameter, with or without a value.</summary>
    public bool Has(string name) => Raw(name) is not null;

    /// <summary>The parameter's bytes; null when it is missing.</summary>
    public byte[]? Bytes(string name)
    {
        if (Raw(name) is not { } raw) return null;
        return PercentDecoder.TryDecode(raw, plusIsSpace: true, out byte[]? bytes)
            ? bytes
            : throw new BadTargetException($"parameter '{name}' has a broken percent escape");
    }

    /// <summary>The parameter's text (UTF-8); null when it is missing.</summary>
    public string? Text(string name) => Bytes(name) is { } bytes ? Encoding.UTF8.GetString(bytes) : null;

    /// <summary>
    /// The bytes of a base64 parameter, standard or URL alphabet, padded or not; null when it is missing.
    /// </summary>
    public byte[]? Base64(string name)
    {
        if (Text(name) is not { } text) return null;

        // A '+' of the standard alphabet reads as a space where the sender did not escape it.
        string url = text.Replace(' ', '-').Replace('+', '-').Replace('/', '_').TrimEnd('=');
        if (!Base64Url.IsValid(url, out int length)) throw new BadTargetException($"parameter '{name}' is not base64");
        byte[] bytes = new byte[length];
        return Base64Url.TryDecodeFromChars(url, bytes, out int written) && written == length
            ? bytes
            : throw new BadTargetException($"parameter '{name}' is not base64");
    }

    /// <summary>A whole number that is not negative; null when it is missing or empty.</summary>
    public ulong? Number(string name)
    {
        if (Text(name) is not { Length: > 0 } text) return null;
        return ulong.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out ulong value)
            ? value
            : throw new BadTargetException($"parameter '{name}' is not a whole number: '{Shown(text)}'");
    }

    /// <summary>True for <c>name</c>, <c>name=true</c> and <c>name=1</c>.</summary>
    public bool Flag(string name) => Text(name) switch
    {
        null or "false" or "0" => false,
        "" or "true" or "1" => true,
        string other => throw new BadTargetException($"parameter '{name}' is not true or false: '{Shown(other)}'"),
    };

    /// <summary>The comma-separated words of all occurrences of a parameter.</summary>
    public IReadOnlyList<string> Words(string name)
    {
        var words = new List<string>();
        foreach (string part in _query.Split('&'))
        {
            (string key, string value) = Cut(part);
            if (key != name) continue;
            if (!PercentDecoder.TryDecode(value, plusIsSpace: true, out byte[]? bytes))
                throw new BadTargetException($"parameter '{name}' has a broken percent escape");
            words.AddRange(Encoding.UTF8.GetString(bytes).Split(
                ',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries));
        }

        return words;
    }

    /// <summary>Text of a client as an error message repeats it: not all of it when it is long.</summary>
    public static string Shown(string text) => text.Length <= 40 ? text : text[..40] + "…";

    // The first occurrence, still encoded.
    private string? Raw(string name)
    {
        if (_query.Length == 0) return null;
        foreach (Range range in _query.AsSpan().Split('&'))
        {
            ReadOnlySpan<char> part = _query.AsSpan(range);
            int equals = part.IndexOf('=');
            ReadOnlySpan<char> key = equals < 0 ? part : part[..equals];
            if (key.SequenceEqual(name)) return equals < 0 ? "" : part[(equals + 1)..].ToString();
        }

        return null;
    }

    private static (string Key, string Value) Cut(string part)
    {
        int equals = part.IndexOf('=', StringComparison.Ordinal);
        return equals < 0 ? (part, "") : (part[..equals], part[(equals + 1)..]);
    }
}
