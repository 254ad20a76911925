using NoriKV.Types;

namespace NoriKV.Node.Machine;

/// <summary>What one operation came to.</summary>
/// <param name="Status">Done, or why not.</param>
/// <param name="Version">The version written or read; where a condition failed, the one the key has.</param>
/// <param name="Value">What a get found.</param>
public readonly record struct OperationOutcome(OutcomeStatus Status, KvVersion Version, ReadOnlyMemory<byte> Value = default)
{
    /// <summary>True where the operation's own condition failed.</summary>
    public bool IsRefused => Status is OutcomeStatus.VersionMismatch or OutcomeStatus.AlreadyExists;
}
