namespace NoriKV.Node.Entries;

/// <summary>How an entry is recognised when it comes twice. Part of the format.</summary>
public enum SessionKind : byte
{
    /// <summary>It is not.</summary>
    None = 0,

    /// <summary>By an idempotency key the caller chose.</summary>
    IdempotencyKey = 1,

    /// <summary>By a client's session and sequence, <c>s1:session:sequence:unix ms</c>.</summary>
    ClientSession = 2,

    /// <summary>By the session of the node that first received it.</summary>
    NodeSession = 3,
}
