namespace NoriKV.Cli.Transfer;

/// <summary>A line that could not be imported.</summary>
internal readonly record struct BadLine(long Number, string Reason);
