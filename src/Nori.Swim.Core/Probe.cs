namespace Nori.Swim.Core;

/// <summary>One own probe that is out.</summary>
internal sealed class Probe
{
    public required Member Target { get; init; }

    public required uint Sequence { get; init; }

    public required ulong Incarnation { get; init; }

    public required long StartedAt { get; set; }

    /// <summary>When others are asked.</summary>
    public required long DirectDeadline { get; set; }

    /// <summary>When it has failed.</summary>
    public required long Deadline { get; set; }

    public bool IsIndirect { get; set; }

    /// <summary>Relays asked, and those of them that said they heard nothing either.</summary>
    public int Relays { get; set; }

    public int Nacks { get; set; }

    public long StreamNumber { get; set; } = -1;

    public long NextDeadline => IsIndirect ? Deadline : DirectDeadline;
}
