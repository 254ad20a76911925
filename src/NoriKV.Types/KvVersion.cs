namespace NoriKV.Types;

/// <summary>
/// The log entry that wrote a key. Versions of one key strictly increase: by term, then by index.
/// </summary>
/// <param name="Term">The Raft term of the entry, at least 1.</param>
/// <param name="Index">The index of the entry in its shard's log, at least 1.</param>
public readonly record struct KvVersion(ulong Term, ulong Index) : IComparable<KvVersion>
{
    /// <summary>No version: the key is missing.</summary>
    public static KvVersion None => default;

    /// <summary>True for a version that an entry can have.</summary>
    public bool IsPresent => Term != 0;

    /// <inheritdoc/>
    public int CompareTo(KvVersion other) =>
        Term != other.Term ? Term.CompareTo(other.Term) : Index.CompareTo(other.Index);

    /// <summary>Term and index as <c>term.index</c>; also the ETag of HTTP, without its quotes.</summary>
    public override string ToString() => $"{Term}.{Index}";

    /// <summary>Reads what <see cref="ToString"/> writes.</summary>
    public static bool TryParse(ReadOnlySpan<char> text, out KvVersion version)
    {
        int dot = text.IndexOf('.');
        if (dot > 0
            && ulong.TryParse(text[..dot], System.Globalization.NumberStyles.None, null, out ulong term)
            && ulong.TryParse(text[(dot + 1)..], System.Globalization.NumberStyles.None, null, out ulong index))
        {
            version = new KvVersion(term, index);
            return true;
        }

        version = default;
        return false;
    }
}
