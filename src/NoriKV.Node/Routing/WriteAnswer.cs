using NoriKV.Node.Machine;
using NoriKV.Types;

namespace NoriKV.Node.Routing;

/// <summary>What another node says became of a write.</summary>
/// <param name="Result">The outcome, or why there is none.</param>
/// <param name="Leader">Who leads, as that node knows; none.</param>
/// <param name="IsFinal">True for an error that trying again cannot help.</param>
/// <param name="IsSynced">False where that node does not wait for its disk.</param>
internal sealed record WriteAnswer(KvResult<EntryOutcome> Result, NodeNumber Leader, bool IsFinal, bool IsSynced);
