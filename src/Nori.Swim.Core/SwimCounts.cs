using Nori.Swim.Core.Wire;

namespace Nori.Swim.Core;

/// <summary>Counts since the core was made. One writer, the core; a torn read on another thread is harmless.</summary>
public sealed class SwimCounts
{
    private readonly long[] _drops = new long[(int)MessageDrop.Implausible + 1];

    /// <summary>Probes begun.</summary>
    public long Probes { get; internal set; }

    /// <summary>Probes that nobody answered.</summary>
    public long FailedProbes { get; internal set; }

    /// <summary>Members that this node saw fail, by itself or by hearsay.</summary>
    public long FailedMembers { get; internal set; }

    /// <summary>Members held dead that came back as the same process: false alarms.</summary>
    public long Flaps { get; internal set; }

    /// <summary>Times that this node had to say it is alive.</summary>
    public long Refutations { get; internal set; }

    /// <summary>Times that this process was found to have stood still.</summary>
    public long Pauses { get; internal set; }

    /// <summary>Members not taken in because the table was full.</summary>
    public long Refused { get; internal set; }

    /// <summary>Messages dropped, by reason.</summary>
    public long Dropped(MessageDrop reason) => _drops[(int)reason];

    internal MessageDrop Drop(MessageDrop reason)
    {
        if (reason != MessageDrop.None) _drops[(int)reason]++;
        return reason;
    }
}
