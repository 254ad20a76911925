using NoriKV.Client.Operations;
using NoriKV.Types;

namespace NoriKV.Client.Transport;

/// <summary>A call or stream to a node that did not end well.</summary>
/// <param name="error">What it came to.</param>
/// <param name="reached">False when no connection was made, so that nothing can have been done.</param>
/// <param name="inner">The cause.</param>
internal sealed class RpcException(KvError error, bool reached, Exception? inner = null) : Exception(error.Message, inner)
{
    public KvError Error { get; } = error;

    public bool Reached { get; } = reached;

    /// <summary>
    /// True for what another attempt, perhaps elsewhere, may get done. Certificates do not change between attempts.
    /// </summary>
    public bool IsRetriable => OperationRunner.IsRetriable(Error.Code) && TlsRefusal.Find(InnerException) is null;
}
