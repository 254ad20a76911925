namespace NoriKV.Node.Machine;

/// <summary>Where a new entry's outcome will be kept, and what it replaces there.</summary>
internal readonly record struct LedgerPlace(
    UInt128 Identity,
    ulong RequestHash,
    byte[]? RecordKey,
    SessionHead? Head,
    int HeadBytes = 0,
    long ReplacedStamp = 0,
    int ReplacedBytes = 0);
