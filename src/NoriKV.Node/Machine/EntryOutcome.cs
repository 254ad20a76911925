using NoriKV.Types;

namespace NoriKV.Node.Machine;

/// <summary>What applying an entry came to.</summary>
public sealed record EntryOutcome
{
    /// <summary>An entry without operations.</summary>
    public static EntryOutcome Nothing { get; } = new() { Operations = [] };

    /// <summary>Why the whole entry was refused; null when it was decided.</summary>
    public KvError? Refusal { get; init; }

    /// <summary>One for each operation, in order.</summary>
    public required OperationOutcome[] Operations { get; init; }

    /// <summary>Whether it is the answer to an earlier request.</summary>
    public ReplayKind Replay { get; init; }
}
