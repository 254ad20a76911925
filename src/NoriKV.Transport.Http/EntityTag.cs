using NoriKV.Types;

namespace NoriKV.Transport.Http;

/// <summary>A version as an ETag: <c>"term.index"</c>, strong.</summary>
internal static class EntityTag
{
    /// <summary>A version that no key ever has: what compares with it never matches.</summary>
    private static readonly KvVersion Never = new(ulong.MaxValue, ulong.MaxValue);

    private const string NeverMatches =
        "Version mismatch: If-Match names no version of this store and never matches; "
        + "send the ETag of an answer as it stands: strong, in quotes";

    /// <summary>The tag of a version.</summary>
    public static string Of(KvVersion version) => $"\"{version}\"";

    /// <summary>
    /// The version that an If-Match header asks for. A well-formed tag that is not one of ours can match
    /// nothing; the bare version without quotes is taken too, since shells eat quotes.
    /// </summary>
    public static KvVersion ParseIfMatch(string header)
    {
        string tag = header.Trim();
        if (tag == "*") throw new BadTargetException("If-Match takes one version's ETag, not *");
        if (tag.StartsWith("W/", StringComparison.Ordinal)) return Never;
        bool quoted = tag.Length >= 2 && tag[0] == '"' && tag[^1] == '"';
        ReadOnlySpan<char> inner = quoted ? tag.AsSpan(1, tag.Length - 2) : tag;
        if (inner.Contains('"')) throw new BadTargetException("If-Match takes one ETag");
        if (KvVersion.TryParse(inner, out KvVersion version) && version.IsPresent) return version;
        return quoted ? Never : throw new BadTargetException("If-Match is not an ETag");
    }

    /// <summary>
    /// A refusal in the asker's words: a tag that can match nothing has no version that a message could show.
    /// </summary>
    public static KvError Explain(KvError error, KvVersion? asked) =>
        asked == Never && error.Code == KvCode.VersionMismatch
            ? error with { Message = NeverMatches }
            : error;

    /// <summary>True when an If-None-Match header of a read names this version (or any): 304 then.</summary>
    public static bool Matches(string header, KvVersion version)
    {
        string tag = Of(version);
        return header.Trim() == "*" || header.Split(',').Any(part => Strong(part.Trim()) == tag);

        // Reads compare weakly (RFC 9110, 13.1.2).
        static string Strong(string part) => part.StartsWith("W/", StringComparison.Ordinal) ? part[2..] : part;
    }
}
