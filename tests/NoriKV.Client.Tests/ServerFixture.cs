using NoriKV.Server;

namespace NoriKV.Client.Tests;

/// <summary>A server in this process on free ports, its data in a temporary directory, and a client of it.</summary>
public sealed class ServerFixture : IAsyncLifetime
{
    private readonly string _folder = Directory.CreateTempSubdirectory("norikv-client-tests-").FullName;

    public RunningServer Server { get; private set; } = null!;

    public NoriKVClient Client { get; private set; } = null!;

    public string Address => Server.RpcEndPoint.ToString();

    public async ValueTask InitializeAsync()
    {
        Server = await ServerHost.StartAsync(new ServerOptions
        {
            RpcAddress = new HostPort("127.0.0.1", 0),
            HttpAddress = new HostPort("127.0.0.1", 0),
            HttpAddressIsExplicit = true,
            DataDirectory = _folder,
            MemtableBytes = 4 << 20,
            LogSegmentBytes = 8 << 20,
        });
        Client = await NoriKVClient.ConnectAsync(new NoriKVClientOptions { Addresses = [Address] });
    }

    public async ValueTask DisposeAsync()
    {
        await Client.DisposeAsync();
        await Server.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }
}
