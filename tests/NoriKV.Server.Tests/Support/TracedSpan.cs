namespace NoriKV.Server.Tests;

/// <summary>A span as a collector got it; ids in hexadecimal digits.</summary>
internal sealed record TracedSpan(
    string Trace, string Id, string Parent, string Name, string Kind, long Nanoseconds, bool IsBeside, string State);
