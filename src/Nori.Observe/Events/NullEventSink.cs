namespace Nori.Observe;

/// <summary>Drops every event.</summary>
public sealed class NullEventSink : IEventSink
{
    /// <summary>The one there is.</summary>
    public static NullEventSink Instance { get; } = new();

    /// <inheritdoc/>
    public void Emit<T>(in T e)
        where T : struct, IEvent
    {
    }
}
