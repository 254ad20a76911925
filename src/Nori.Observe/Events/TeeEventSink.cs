namespace Nori.Observe;

/// <summary>Gives each event to several sinks, in order.</summary>
public sealed class TeeEventSink(params IEventSink[] targets) : IEventSink
{
    private readonly IEventSink[] _targets = [.. targets];

    /// <inheritdoc/>
    public void Emit<T>(in T e)
        where T : struct, IEvent
    {
        foreach (IEventSink target in _targets) target.Emit(e);
    }
}
