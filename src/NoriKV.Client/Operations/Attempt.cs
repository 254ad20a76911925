using NoriKV.Client.Transport;
using NoriKV.Client.Wire;
using NoriKV.Proto.V1;
using NoriKV.Types;

namespace NoriKV.Client.Operations;

/// <summary>What one attempt of an operation came to.</summary>
/// <param name="Address">The node that was asked.</param>
/// <param name="Result">Its answer; null where there is an error.</param>
/// <param name="Error">What went wrong; null where there is an answer.</param>
/// <param name="Cause">The failure of the call or stream; null where the node itself said what went wrong.</param>
internal readonly record struct Attempt(string Address, StreamResult? Result, KvError? Error, RpcException? Cause)
{
    public static Attempt Answered(string address, StreamResult result)
    {
        if (result.ResultCase is not (StreamResult.ResultOneofCase.Error or StreamResult.ResultOneofCase.None))
            return new Attempt(address, result, null, null);
        return result.Error is { } status
            ? new Attempt(address, null, StatusMapping.ToError(status), null)
            : Failed(address, new RpcException(new KvError(KvCode.Internal, $"{address} answered an empty result"), reached: true));
    }

    public static Attempt Failed(string address, RpcException cause) => new(address, null, cause.Error, cause);
}
