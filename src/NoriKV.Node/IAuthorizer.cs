namespace NoriKV.Node;

/// <summary>
/// Asked on every RPC and route before the node is: who may do what to which keys. The transports ask; the
/// node itself trusts what reaches it.
/// </summary>
/// <remarks>Thread-safe, quick and without I/O: it runs on the request's path.</remarks>
public interface IAuthorizer
{
    /// <summary>True when the caller may do this.</summary>
    bool IsAllowed(in AccessRequest request);
}
