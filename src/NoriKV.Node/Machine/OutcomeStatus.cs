namespace NoriKV.Node.Machine;

/// <summary>What one operation of an entry came to. Part of the format: outcomes are stored.</summary>
public enum OutcomeStatus : byte
{
    /// <summary>A put or a delete was done; a delete found its key.</summary>
    Done = 0,

    /// <summary>A delete found no key.</summary>
    NothingToDelete = 1,

    /// <summary>The key has another version, or none.</summary>
    VersionMismatch = 2,

    /// <summary>The key exists.</summary>
    AlreadyExists = 3,

    /// <summary>Another operation of the entry failed its condition, so none was done.</summary>
    NotApplied = 4,

    /// <summary>A get found its key.</summary>
    Found = 5,

    /// <summary>A get found nothing.</summary>
    Missing = 6,

    /// <summary>A get found its key, but its value no longer fits the answer of the batch. Never stored.</summary>
    NoRoom = 7,
}
