using NoriKV.Interop;

namespace NoriKV.Server.Tests;

/// <summary>Official clients that no one here wrote, against a whole node (tests/interop).</summary>
[Trait("Category", "Slow")]
public sealed class InteropTests
{
    [Fact]
    public async Task Debians_grpcio_makes_every_kind_of_call()
    {
        await using TestServer server = await TestServer.StartAsync();
        await InteropTools.RunPythonAsync("norikv_check.py", server.Server.RpcEndPoint.ToString());
    }

    [Fact]
    public async Task Npms_grpc_js_makes_every_kind_of_call()
    {
        await using TestServer server = await TestServer.StartAsync();
        await InteropTools.RunNodeAsync("norikv_check.js", server.Server.RpcEndPoint.ToString());
    }
}
