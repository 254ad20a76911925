namespace NoriKV.Embedded.Tests;

/// <summary>One store in memory for a class of tests.</summary>
public sealed class EmbeddedFixture : IAsyncLifetime
{
    public EmbeddedNoriKV Store { get; private set; } = null!;

    public async ValueTask InitializeAsync() => Store = await EmbeddedNoriKV.OpenAsync(new EmbeddedOptions());

    public ValueTask DisposeAsync() => Store.DisposeAsync();
}
