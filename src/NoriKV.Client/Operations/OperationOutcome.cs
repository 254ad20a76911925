using NoriKV.Proto.V1;

namespace NoriKV.Client.Operations;

/// <summary>What an operation came to: one of the two. It is thrown where it leaves the client, once.</summary>
internal readonly record struct OperationOutcome(StreamResult? Result, NoriKVException? Failure)
{
    public static OperationOutcome Done(StreamResult result) => new(result, null);

    public static OperationOutcome Failed(NoriKVException failure) => new(null, failure);

    /// <exception cref="NoriKVException">It failed.</exception>
    public StreamResult ResultOrThrow() => Failure is { } failure ? throw failure : Result!;
}
