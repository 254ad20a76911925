namespace NoriKV.Types;

/// <summary>How fresh a read must be.</summary>
public enum Consistency
{
    /// <summary>Sees every write answered before the read began (read-index). The default.</summary>
    Linearizable,

    /// <summary>As linearizable while clocks drift within their bound: served under the leader's lease.</summary>
    Lease,

    /// <summary>At most a given time behind.</summary>
    Bounded,

    /// <summary>Whatever the replica that got the request holds.</summary>
    StaleOk,
}
