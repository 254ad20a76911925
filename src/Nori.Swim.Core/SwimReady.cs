namespace Nori.Swim.Core;

/// <summary>
/// What the core wants done. Nothing in it must be durable first; the order within a list is the order to act in.
/// The driver takes everything, then calls <see cref="Clear"/>.
/// </summary>
public sealed class SwimReady
{
    /// <summary>To send, each once.</summary>
    public List<OutgoingDatagram> Datagrams { get; } = [];

    /// <summary>To send over streams.</summary>
    public List<StreamRequest> Streams { get; } = [];

    /// <summary>What changed, for those who watch.</summary>
    public List<SwimEvent> Events { get; } = [];

    /// <summary>Round-trip times of directly answered probes, in ticks.</summary>
    public List<long> RoundTrips { get; } = [];

    /// <summary>Joins that ended, by the address given to <see cref="SwimCore.Join"/>.</summary>
    public List<(string Address, bool Succeeded)> Joins { get; } = [];

    /// <summary>Forgets everything; the lists keep their room.</summary>
    public void Clear()
    {
        Datagrams.Clear();
        Streams.Clear();
        Events.Clear();
        RoundTrips.Clear();
        Joins.Clear();
    }
}
