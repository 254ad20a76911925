using NoriKV.Types;

namespace NoriKV.Node.Scanning;

/// <summary>A scan that was found right.</summary>
/// <param name="Options">What is asked.</param>
/// <param name="Token">Where it goes on; null at the beginning.</param>
/// <param name="Shards">Of which shards.</param>
/// <param name="AnswerBy">Timestamp by which it is answered.</param>
/// <param name="Context">Who asks.</param>
internal readonly record struct ScanPlan(
    ScanOptions Options, PageToken? Token, ShardId[] Shards, long AnswerBy, RequestContext Context);
