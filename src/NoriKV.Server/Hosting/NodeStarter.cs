namespace NoriKV.Server;

/// <summary>Starts the real node as the options say.</summary>
internal static class NodeStarter
{
    public static ValueTask<StartedNode> StartAsync(NodeSetup setup, CancellationToken cancellationToken) =>
        throw new ServerStartException("the node is not built in yet", ExitCodes.Internal);
}
