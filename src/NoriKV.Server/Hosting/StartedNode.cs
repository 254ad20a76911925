using NoriKV.Node;

namespace NoriKV.Server;

/// <summary>A node that runs, and how to tell it the address others dial, once the port is bound.</summary>
public sealed record StartedNode(INoriNode Node, Action<string> SetAdvertiseAddress);
