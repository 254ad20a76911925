namespace Nori.Lsm;

/// <summary>What an entry says; as in tables.</summary>
internal enum EntryKind : byte
{
    Delete = 0,
    Put = 1,
    PutWithExpiry = 2,
    RangeDelete = 15,
}
