using NoriKV.Client.Transport;
using NoriKV.Client.Wire;
using NoriKV.Proto.V1;
using NoriKV.Types;

namespace NoriKV.Client.Operations;

/// <summary>
/// Puts the answer of a batch together from those of its attempts. A shard that could not do its part says so for each of its operations;
/// the whole batch is sent again under its key, which does once what was not done and repeats what was answered. The first answer of an
/// operation that another attempt would not change is kept. Of a write that an attempt may have done only an answer that looked at the key
/// says what came of it.
/// </summary>
/// <remarks>One attempt at a time.</remarks>
internal sealed class BatchParts(BatchRequest request)
{
    private const uint DeadlineExceeded = 4;

    private readonly bool[] _unknown = new bool[request.Operations.Count]; // an attempt may have done it
    private readonly bool[] _closed = new bool[request.Operations.Count]; // another attempt would not change it
    private BatchResponse? _answer;

    public bool HasAnswer => _answer is not null;

    /// <summary>The attempt itself, or a failed one where its answer is not one of this batch: what it did nobody knows.</summary>
    public Attempt Checked(Attempt attempt)
    {
        int results = attempt.Result?.Batch?.Results.Count ?? -1;
        if (attempt.Result is null || results == _unknown.Length) return attempt;
        var error = new KvError(KvCode.Internal, $"the node answered {Math.Max(results, 0)} results to {_unknown.Length} operations");
        return Attempt.Failed(attempt.Address, new RpcException(error, reached: true));
    }

    /// <summary>
    /// Adds an attempt's answer; an error where some operation is to be tried again, else <paramref name="whole"/> is all of it.
    /// </summary>
    /// <param name="response">The answer of a checked attempt.</param>
    /// <param name="perhapsDone">An attempt before ended without an answer and may have been done.</param>
    /// <param name="whole">The answer to all of it.</param>
    public KvError? Take(BatchResponse response, bool perhapsDone, out StreamResult? whole)
    {
        whole = null;
        _answer ??= response.Clone();
        KvError? why = null;
        for (int i = 0; i < _unknown.Length; i++)
        {
            if (_closed[i]) continue;
            _unknown[i] |= perhapsDone && Writes(i);
            if (OpenError(response.Results[i]) is not { } error)
            {
                _closed[i] = true;
                _answer.Results[i] = Outcome(response.Results[i], i);
                continue;
            }

            _answer.Results[i] = response.Results[i];
            _unknown[i] |= error.Code == KvCode.CommitTimeout;
            if (why is null || error.RetryAfter > (why.RetryAfter ?? TimeSpan.Zero)) why = error;
        }

        if (why is null) whole = new StreamResult { Batch = _answer };
        // Of one operation it may be unknown: that is noted above.
        return why is { Code: KvCode.CommitTimeout } ? why with { Code = KvCode.DeadlineExceeded } : why;
    }

    /// <summary>The answer where no further attempt is made: each operation that is still open has its own error.</summary>
    /// <param name="broke">What the last attempt ended with.</param>
    public StreamResult End(KvError broke)
    {
        BatchResponse answer = _answer!;
        for (int i = 0; i < _unknown.Length; i++)
        {
            if (_closed[i]) continue;
            if (Writes(i) && (_unknown[i] || broke.Code == KvCode.CommitTimeout)) answer.Results[i] = Unknown(answer.Results[i]);
            // A read has no outcome to be unknown.
            else if (_unknown[i]) answer.Results[i] = Failed("no answer before the deadline");
        }

        return new StreamResult { Batch = answer };
    }

    private bool Writes(int i) => request.Operations[i].OperationCase != Proto.V1.BatchOperation.OperationOneofCase.Get;

    private OperationResult Outcome(OperationResult result, int i)
    {
        bool refused = result.Error is { } status && !OperationRunner.IsDecided(StatusMapping.ToError(status).Code);
        return refused && _unknown[i] && Writes(i) ? Unknown(result) : result;
    }

    private static OperationResult Unknown(OperationResult result) =>
        Failed($"COMMIT_TIMEOUT: the outcome is unknown: {result.Error.Message}");

    private static OperationResult Failed(string message) =>
        new() { Error = new Status { Code = DeadlineExceeded, Message = message } };

    // Null where another attempt would not do better. A get that found no room in the answer never will: nobody asks to wait for it.
    private static KvError? OpenError(OperationResult result)
    {
        if (result.ResultCase != OperationResult.ResultOneofCase.Error) return null;
        KvError error = StatusMapping.ToError(result.Error);
        bool open = OperationRunner.IsRetriable(error.Code) && error is not { Code: KvCode.Overloaded, RetryAfter: null };
        return open ? error : null;
    }
}
