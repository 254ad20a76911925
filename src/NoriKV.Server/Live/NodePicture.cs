namespace NoriKV.Server.Live;

/// <summary>What a node shows of itself at one moment.</summary>
internal sealed record NodePicture
{
    /// <summary>Starts of a process on its data directory: with another one its figures begin anew.</summary>
    public ulong BootEpoch { get; init; }

    /// <summary>When it was taken, by the node's own clock.</summary>
    public long UnixMs { get; init; }

    /// <summary>Its figures by name.</summary>
    public IReadOnlyList<KeyValuePair<string, long>> Figures { get; init; } = [];

    /// <summary>A JSON object of what changes rarely: its health with reasons, whom it sees as members.</summary>
    public ReadOnlyMemory<byte> Facts { get; init; }

    /// <summary>The shards it leads, rising.</summary>
    public IReadOnlyList<LedShard> Leads { get; init; } = [];

    /// <summary>Its replicas of the shards that were asked for.</summary>
    public IReadOnlyList<Standing> Standings { get; init; } = [];

    /// <summary>The sequence number of the last event it looked at.</summary>
    public ulong EventsThrough { get; init; }

    /// <summary>Events that were left out because there were too many.</summary>
    public uint EventsElided { get; init; }

    /// <summary>Events, each a JSON object as /events sends it.</summary>
    public IReadOnlyList<ReadOnlyMemory<byte>> Events { get; init; } = [];
}
