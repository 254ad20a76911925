using NoriKV.Client.Transport;
using NoriKV.Proto.V1;

namespace NoriKV.Client.Pipeline;

/// <summary>
/// What a call came to: one of the two. A failure is handed on, not thrown: where many calls fail, each throw through each asynchronous
/// method costs more than a call that is done (decision 0222).
/// </summary>
internal readonly record struct CallOutcome(StreamResult? Result, RpcException? Failure);
