namespace Nori.Observe;

/// <summary>
/// Takes events. Emitting never blocks, never throws and allocates nothing in the sinks of this package.
/// </summary>
public interface IEventSink
{
    /// <summary>Takes one event.</summary>
    void Emit<T>(in T e)
        where T : struct, IEvent;
}
