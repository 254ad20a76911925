namespace NoriKV.Node;

/// <summary>The operations that are counted and timed.</summary>
public enum RequestOperation
{
    /// <summary>A put.</summary>
    Put,

    /// <summary>A get.</summary>
    Get,

    /// <summary>A delete.</summary>
    Delete,

    /// <summary>A batch.</summary>
    Batch,

    /// <summary>One page of a scan.</summary>
    Scan,
}
