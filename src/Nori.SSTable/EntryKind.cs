namespace Nori.SSTable;

/// <summary>What an entry says about its key. The numbers are part of the format.</summary>
public enum EntryKind : byte
{
    /// <summary>The key does not exist as of this sequence number. The value is empty.</summary>
    Delete = 0,

    /// <summary>The key has the value.</summary>
    Put = 1,

    /// <summary>
    /// The key has a value that expires: eight bytes little-endian Unix milliseconds, then the value.
    /// </summary>
    PutWithExpiry = 2,

    /// <summary>A range of keys was deleted; only in a table's range-delete block.</summary>
    RangeDelete = 15,
}
