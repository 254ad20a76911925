namespace NoriKV.Cli.Inspect;

/// <summary>Something that is other than it should be.</summary>
/// <param name="Kind">Corruption, TornTail, …</param>
/// <param name="File">Where.</param>
/// <param name="Offset">Where in the file, in bytes.</param>
/// <param name="What">What was expected and what is there.</param>
/// <param name="IsCorruption">True when it is damage; false for what a reader copes with.</param>
internal sealed record InspectFinding(string Kind, string File, long Offset, string What, bool IsCorruption);
