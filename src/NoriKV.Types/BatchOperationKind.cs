namespace NoriKV.Types;

/// <summary>What one operation of a batch does.</summary>
public enum BatchOperationKind
{
    /// <summary>Write a pair.</summary>
    Put,

    /// <summary>Remove a key.</summary>
    Delete,

    /// <summary>Read a key.</summary>
    Get,
}
