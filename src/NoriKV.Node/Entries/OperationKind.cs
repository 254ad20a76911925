namespace NoriKV.Node.Entries;

/// <summary>What an operation inside an entry does. Part of the format.</summary>
public enum OperationKind : byte
{
    /// <summary>Write a pair.</summary>
    Put = 1,

    /// <summary>Remove a key.</summary>
    Delete = 2,

    /// <summary>Read a key at the entry's place in the log; has no effect.</summary>
    Get = 3,
}
