using NoriKV.Types;

namespace NoriKV.Node.Routing;

/// <summary>What another node answers to a read.</summary>
/// <param name="Result">The values, or why there are none.</param>
/// <param name="Leader">Who leads, as that node knows; none.</param>
internal sealed record ReadAnswer(KvResult<ReadValues> Result, NodeNumber Leader);
