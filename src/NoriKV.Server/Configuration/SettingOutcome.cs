namespace NoriKV.Server;

/// <summary>The options with a setting applied, or what is wrong with its text.</summary>
internal readonly record struct SettingOutcome(ServerOptions? Options, string? Problem);
