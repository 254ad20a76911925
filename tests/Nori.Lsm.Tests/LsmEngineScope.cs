namespace Nori.Lsm.Tests;

/// <summary>An engine that is closed at the end of a block.</summary>
internal sealed class LsmEngineScope(LsmOptions options) : IDisposable
{
    public LsmEngine Engine { get; } = LsmEngine.Open(options);

    public void Dispose()
    {
        ValueTask closed = Engine.DisposeAsync();
        if (closed.IsCompleted) closed.GetAwaiter().GetResult();
        else closed.AsTask().Wait();
    }
}
