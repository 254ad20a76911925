namespace NoriKV.Client.Routing;

/// <summary>
/// Which cluster this client talks to: the one of its options, else the first one that it saw. A client that went on with
/// another cluster, which happens to answer at an address now, would read and write the wrong data without a word.
/// </summary>
/// <remarks>Thread-safe.</remarks>
internal sealed class ClusterIdentity(string? expected)
{
    /// <summary>What a node says that is of another cluster than the request wants.</summary>
    public const string MismatchWord = "CLUSTER_MISMATCH";

    private string? _id = expected;

    /// <summary>The cluster's id; null while none is known.</summary>
    public string? Id => Volatile.Read(ref _id);

    /// <summary>True for this client's cluster; the first one named becomes it. A node that has none yet says nothing.</summary>
    public bool Accepts(string id) => id.Length == 0 || (Interlocked.CompareExchange(ref _id, id, null) ?? id) == id;
}
