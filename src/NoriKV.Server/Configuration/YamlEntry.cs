namespace NoriKV.Server;

/// <summary>A setting as the file gives it.</summary>
internal sealed record YamlEntry(Setting Setting, IReadOnlyList<string> Values, long Line);
