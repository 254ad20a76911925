namespace Nori.SSTable.Format;

/// <summary>What a block is for; part of the format.</summary>
internal enum BlockRole : byte
{
    Data = 1,
    Index = 2,
    TopIndex = 3,
    Filter = 4,
    RangeDeletes = 5,
    Properties = 6,
}
