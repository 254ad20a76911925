namespace NoriKV.TestKit.Linearizability;

/// <summary>What a call of a history does to its key.</summary>
public enum OperationKind
{
    /// <summary>Returns the value.</summary>
    Read,

    /// <summary>Replaces the value.</summary>
    Write,

    /// <summary>Replaces the value if it is the expected one.</summary>
    CompareAndSet,

    /// <summary>Adds to the end of the value; a missing key counts as the empty one.</summary>
    Append,

    /// <summary>Removes the key.</summary>
    Delete,
}
