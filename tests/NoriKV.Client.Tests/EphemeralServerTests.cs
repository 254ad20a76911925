using NoriKV.Client.Testing;

namespace NoriKV.Client.Tests;

/// <summary>The server for other people's tests: what it says when it cannot start. That it starts, the conformance suite shows.</summary>
public sealed class EphemeralServerTests
{
    [Fact]
    public async Task A_program_that_ends_at_once_is_said_with_its_output()
    {
        var e = await Assert.ThrowsAsync<InvalidOperationException>(() => EphemeralServer.StartAsync(
            new EphemeralServerOptions { Command = ["sh", "-c", "echo cannot do it >&2; exit 1"] }));
        Assert.Contains("ended before it served", e.Message);
    }
}
