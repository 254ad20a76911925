namespace Nori.Swim.Core;

/// <summary>One change, with the member as it is after it.</summary>
/// <param name="Kind">What changed.</param>
/// <param name="Member">The member after the change.</param>
/// <param name="IsFlap">Joined only: it was held dead, but it is the same process: the alarm was false.</param>
public readonly record struct SwimEvent(SwimEventKind Kind, SwimMember Member, bool IsFlap = false);
