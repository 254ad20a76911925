using NoriKV.Node.Machine;
using NoriKV.Types;

namespace NoriKV.Node.Requests;

/// <summary>The words for outcomes that are not OK. One table, for single operations and batches alike.</summary>
internal static class OutcomeErrors
{
    /// <summary>Null for an outcome that is OK.</summary>
    public static KvError? Of(OperationOutcome outcome, KvVersion? ifMatch, int failedOperation = -1) => outcome.Status switch
    {
        OutcomeStatus.VersionMismatch => new KvError(
            KvCode.VersionMismatch,
            outcome.Version.IsPresent
                ? $"Version mismatch: expected {ifMatch}, found {outcome.Version}"
                : $"Version mismatch: expected {ifMatch}, but the key does not exist"),
        OutcomeStatus.AlreadyExists => new KvError(
            KvCode.AlreadyExists, $"Key already exists with version {outcome.Version}"),
        OutcomeStatus.NotApplied => new KvError(
            KvCode.FailedPrecondition,
            $"Not applied: operation {failedOperation} of the batch failed its condition, and a batch is atomic in each shard"),
        // Waiting does not help: who repeats the whole batch gets the same answer.
        OutcomeStatus.NoRoom => new KvError(
            KvCode.Overloaded, "The values of this batch exceed its answer; get this key in another batch, or alone")
        {
            RetryAfter = TimeSpan.Zero,
        },
        _ => null,
    };
}
