namespace NoriKV.TestKit.Simulation.Network;

/// <summary>How good the network of a run is. Times in ticks.</summary>
internal sealed record LinkQuality
{
    /// <summary>The least delay.</summary>
    public required long DelayMin { get; init; }

    /// <summary>What is added, at most, most of the time.</summary>
    public required long DelaySpread { get; init; }

    /// <summary>How often a message takes the long tail.</summary>
    public required double TailChance { get; init; }

    /// <summary>The longest tail.</summary>
    public required long TailMax { get; init; }

    /// <summary>How often a message is lost.</summary>
    public required double Loss { get; init; }

    /// <summary>How often it comes twice.</summary>
    public required double Duplication { get; init; }

    /// <summary>How often one may overtake another of its channel.</summary>
    public required double Reordering { get; init; }
}
