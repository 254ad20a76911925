namespace Nori.Swim.Core;

/// <summary>What is believed of a member. The numbers are part of the wire format.</summary>
public enum MemberState : byte
{
    /// <summary>It answers, or nobody says otherwise.</summary>
    Alive = 1,

    /// <summary>Somebody got no answer; it has until the suspicion expires to refute.</summary>
    Suspect = 2,

    /// <summary>Its suspicion expired, here or elsewhere ("confirm" in the paper).</summary>
    Failed = 3,

    /// <summary>It said that it goes.</summary>
    Left = 4,
}
