namespace Nori.Swim.Core;

/// <summary>What changed about a member.</summary>
public enum SwimEventKind
{
    /// <summary>A member not known before, back after it failed or left, or restarted.</summary>
    Joined,

    /// <summary>It refuted a suspicion.</summary>
    Alive,

    /// <summary>It is suspected.</summary>
    Suspect,

    /// <summary>It is held to be dead.</summary>
    Failed,

    /// <summary>It went by its own will.</summary>
    Left,

    /// <summary>Its address or metadata changed.</summary>
    Updated,

    /// <summary>Another live process speaks under this node's own id; the member's address is the other's.</summary>
    IdClash,
}
