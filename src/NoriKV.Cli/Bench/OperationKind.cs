namespace NoriKV.Cli.Bench;

/// <summary>What an operation of a benchmark did.</summary>
internal enum OperationKind
{
    /// <summary>Read a key.</summary>
    Get,

    /// <summary>Wrote a key.</summary>
    Put,

    /// <summary>Removed a key.</summary>
    Delete,
}
