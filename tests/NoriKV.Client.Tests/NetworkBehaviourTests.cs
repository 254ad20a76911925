using NoriKV.Client.Behaviour;

namespace NoriKV.Client.Tests;

/// <summary>The behaviour over real sockets to a server in this process.</summary>
public sealed class NetworkBehaviourTests(ServerFixture fixture) : NoriKVBehaviour, IClassFixture<ServerFixture>
{
    protected override INoriKV Store => fixture.Client;
}
