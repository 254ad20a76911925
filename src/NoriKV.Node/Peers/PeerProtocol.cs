namespace NoriKV.Node.Peers;

/// <summary>The protocols between nodes that this build speaks; nodes whose ranges do not meet do not talk.</summary>
public static class PeerProtocol
{
    /// <summary>The lowest.</summary>
    public const ushort Min = 1;

    /// <summary>The highest.</summary>
    public const ushort Max = 1;

    /// <summary>True where a peer's range meets this build's.</summary>
    public static bool Meets(ushort min, ushort max) => max >= Min && min <= Max;
}
