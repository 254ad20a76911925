namespace Nori.Swim.Core;

/// <summary>Another member's probe that this node makes in its place.</summary>
internal sealed class Relay
{
    public required string Requester { get; init; }

    public required uint RequesterSequence { get; init; }

    public required uint Sequence { get; init; }

    public required byte[] Target { get; init; }

    public required long NackDeadline { get; set; }

    public required long Deadline { get; set; }

    public bool IsNacked { get; set; }

    public long NextDeadline => IsNacked ? Deadline : NackDeadline;
}
