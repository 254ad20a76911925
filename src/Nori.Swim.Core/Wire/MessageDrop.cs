namespace Nori.Swim.Core.Wire;

/// <summary>Why a message was dropped.</summary>
public enum MessageDrop
{
    /// <summary>It was not.</summary>
    None,

    /// <summary>Short, torn, flipped, or with fields that cannot be.</summary>
    Malformed,

    /// <summary>A format version that this code does not read.</summary>
    UnknownVersion,

    /// <summary>Of another cluster's name.</summary>
    ForeignCluster,

    /// <summary>Meant for another member, or a kind that does not belong on this way.</summary>
    Misdirected,

    /// <summary>An answer to no question that is still open.</summary>
    Unexpected,

    /// <summary>One claim of a message, not the whole: an incarnation farther ahead than counting gets.</summary>
    Implausible,
}
