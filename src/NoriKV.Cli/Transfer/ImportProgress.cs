namespace NoriKV.Cli.Transfer;

/// <summary>How far an import is: everything before is acknowledged.</summary>
/// <param name="Records">Records acknowledged, those of earlier runs included.</param>
/// <param name="Line">The last line whose record is acknowledged, as are all before it.</param>
/// <param name="Offset">Where the line behind it begins, in bytes.</param>
/// <param name="BadLines">Lines skipped.</param>
internal readonly record struct ImportProgress(long Records, long Line, long Offset, long BadLines);
