namespace NoriKV.Node.Peers;

/// <summary>Bounds of calls between nodes, each for one peer and channel.</summary>
internal sealed record PeerCallOptions
{
    /// <summary>Calls under way. <value>16,384</value></summary>
    public int CallsMax { get; init; } = 16_384;

    /// <summary>Bytes of their bodies. One that is larger passes alone. <value>64 MiB</value></summary>
    public long BytesMax { get; init; } = 64L << 20;

    /// <summary>Calls being served; beyond, they are refused. <value>32,768</value></summary>
    public int ServedMax { get; init; } = 32_768;

    /// <summary>A frame that has grown to this is closed. <value>1 MiB</value></summary>
    public int FrameBytesMax { get; init; } = 1 << 20;
}
