using NoriKV.Client.Operations;
using NoriKV.Types;

namespace NoriKV.Client.Transport;

/// <summary>A call or stream to a node that did not end well.</summary>
/// <param name="error">What it came to.</param>
/// <param name="reached">False when no connection was made, so that nothing can have been done.</param>
/// <param name="inner">The cause.</param>
/// <param name="said">True where the node itself answered this for the operation: it is exact.</param>
internal sealed class RpcException(KvError error, bool reached, Exception? inner = null, bool said = false)
    : Exception(error.Message, inner)
{
    public KvError Error { get; } = error;

    public bool Reached { get; } = reached;

    public bool Said { get; } = said;

    /// <summary>
    /// True for what another attempt, perhaps elsewhere, may get done. Certificates do not change between attempts. Internal is of the
    /// connection where a call or stream ended with it, of the operation where the node said it.
    /// </summary>
    public bool IsRetriable => (OperationRunner.IsRetriable(Error.Code) || (Error.Code == KvCode.Internal && !Said))
        && TlsRefusal.Find(InnerException) is null;
}
