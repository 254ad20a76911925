using Nori.IO;
using Nori.Observe;
using NoriKV.Node;

namespace NoriKV.Server;

/// <summary>What a node is started with.</summary>
/// <param name="Options">The server's options; the data directory is a full path.</param>
/// <param name="FileSystem">Where it stores.</param>
/// <param name="Meter">Where it counts.</param>
/// <param name="Events">Where it tells what happens.</param>
/// <param name="Authorizer">Whom it asks; the transports ask too.</param>
/// <param name="Time">Its clock.</param>
public sealed record NodeSetup(
    ServerOptions Options,
    IFileSystem FileSystem,
    IMeter Meter,
    IEventSink Events,
    IAuthorizer Authorizer,
    TimeProvider Time);
