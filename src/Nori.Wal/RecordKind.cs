namespace Nori.Wal;

/// <summary>What a <see cref="Record"/> does to its key; values are part of the format.</summary>
public enum RecordKind : byte
{
    /// <summary>Sets the value.</summary>
    Put = 1,

    /// <summary>Takes the key away.</summary>
    Delete = 2,
}
