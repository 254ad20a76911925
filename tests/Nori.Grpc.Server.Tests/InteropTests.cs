using NoriKV.Interop;

namespace Nori.Grpc.Server.Tests;

/// <summary>The official clients of other languages against our server.</summary>
public sealed class InteropTests
{
    [Fact]
    public async Task Grpcio_of_python_makes_every_kind_of_call()
    {
        await using TestServer server = await StartAsync();
        await InteropTools.RunPythonAsync("echo_check.py", $"127.0.0.1:{server.Port}");
        await EventuallyIdleAsync(server);
    }

    [Fact]
    public async Task Grpc_js_of_node_makes_every_kind_of_call()
    {
        await using TestServer server = await StartAsync();
        await InteropTools.RunNodeAsync("echo_check.js", $"127.0.0.1:{server.Port}");
        await EventuallyIdleAsync(server);
    }

    private static Task<TestServer> StartAsync() =>
        TestServer.StartAsync(more: [new HealthService().Definition, .. new ReflectionService().Definitions]);

    private static async Task EventuallyIdleAsync(TestServer server)
    {
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        while (server.Server.Dispatcher is not { RunningCalls: 0, BufferedBytes: 0 })
            await Task.Delay(10, patience.Token);
    }
}
