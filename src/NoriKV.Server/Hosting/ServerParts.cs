using Nori.IO;
using NoriKV.Node;

namespace NoriKV.Server;

/// <summary>What a server is composed of where it is not the usual: tests put their own here.</summary>
public sealed record ServerParts
{
    /// <summary>Starts the node. Default: the real one.</summary>
    public Func<NodeSetup, CancellationToken, ValueTask<StartedNode>> StartNode { get; init; } = RealNode.StartAsync;

    /// <summary>Where the node stores. Default: the disk.</summary>
    public IFileSystem FileSystem { get; init; } = DiskFileSystem.Instance;

    /// <summary>Where lines go; whoever made it writes them.</summary>
    public ServerLog Log { get; init; } = new();

    /// <summary>Told once the ready line is printed; null for nobody.</summary>
    public Action<RunningServer>? OnReady { get; init; }

    /// <summary>Asked on every RPC and route. Default: allows everything.</summary>
    public IAuthorizer Authorizer { get; init; } = AllowAllAuthorizer.Instance;

    /// <summary>The clock.</summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;

    /// <summary>Events that /events remembers. Default: what the options say.</summary>
    public int? EventsRemembered { get; init; }

    /// <summary>From one sample of the last hour, for the dashboard, to the next. Default: what the options say.</summary>
    public TimeSpan? HourStep { get; init; }

    /// <summary>The façade's bounds.</summary>
    public NoriKV.Transport.Http.HttpFacadeOptions Http { get; init; } = new();

    /// <summary>The HTTP port's bounds on connections; TLS comes from the options.</summary>
    public NoriKV.Transport.Http.HttpEndpointOptions HttpEndpoint { get; init; } = new();

    /// <summary>The gRPC port's bounds on connections; TLS comes from the options.</summary>
    public Nori.Grpc.Server.GrpcEndpointOptions RpcEndpoint { get; init; } = new();

    /// <summary>Changes the bounds of gRPC calls; null keeps them.</summary>
    public Func<Nori.Grpc.Server.GrpcServerOptions, Nori.Grpc.Server.GrpcServerOptions>? Rpc { get; init; }
}
