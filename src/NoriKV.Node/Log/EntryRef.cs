using Nori.Wal;
using NoriKV.Types;

namespace NoriKV.Node.Log;

/// <summary>Where an entry lies: 24 bytes for each live one.</summary>
internal readonly record struct EntryRef(uint Segment, uint Offset, int StoredBytes, Term Term)
{
    public bool IsHole => Segment == 0;

    public WalPosition Position => new(Segment, Offset);
}
