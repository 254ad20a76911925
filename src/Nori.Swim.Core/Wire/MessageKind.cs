namespace Nori.Swim.Core.Wire;

/// <summary>What a message asks or says. The numbers are part of the wire format.</summary>
public enum MessageKind : byte
{
    /// <summary>Are you there? Answered by <see cref="Ack"/>.</summary>
    Ping = 1,

    /// <summary>I am.</summary>
    Ack = 2,

    /// <summary>Ping somebody in my place ("ping-req" in the paper).</summary>
    PingReq = 3,

    /// <summary>I asked in your place and heard nothing yet: I am well, and so is our path (Lifeguard).</summary>
    Nack = 4,

    /// <summary>Updates only.</summary>
    Gossip = 5,

    /// <summary>All I know; answered by <see cref="StateReply"/>. Streams only.</summary>
    State = 6,

    /// <summary>All I know, in answer. Streams only.</summary>
    StateReply = 7,
}
