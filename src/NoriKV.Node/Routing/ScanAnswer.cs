using NoriKV.Node.Scanning;
using NoriKV.Types;

namespace NoriKV.Node.Routing;

/// <summary>What a node says to its part of a scan.</summary>
/// <param name="Result">Its part of the page, of all shards that it did not refuse; or why there is none.</param>
/// <param name="Refused">Shards that it does not lead, sorted.</param>
internal sealed record ScanAnswer(KvResult<ScanPartPage> Result, IReadOnlyList<ShardId> Refused);
