namespace NoriKV.Node.Machine;

/// <summary>What lies under a slot. Part of the format; 16 and above are reserved.</summary>
public enum EngineKeyKind : byte
{
    /// <summary>The state record of the replica.</summary>
    State = 0,

    /// <summary>Sessions and idempotency.</summary>
    Session = 1,

    /// <summary>User keys.</summary>
    User = 2,
}
