namespace NoriKV.Server;

/// <summary>
/// One setting: its key in the file, its flag and its environment variable, how its text is read, and where
/// it goes.
/// </summary>
public sealed class Setting
{
    private readonly Func<ServerOptions, IReadOnlyList<string>, SettingOutcome> _apply;

    internal Setting(
        string path, string help, string shown, Func<ServerOptions, IReadOnlyList<string>, SettingOutcome> apply,
        string? flag, string[] aliases, bool isList, bool isFlag)
    {
        Path = path;
        Help = help;
        Default = shown;
        Flag = flag ?? path.Replace('.', '-').Replace('_', '-');
        Aliases = aliases;
        IsList = isList;
        IsSwitch = isFlag;
        _apply = apply;
    }

    /// <summary>The key in the file, with dots: <c>cluster.total_shards</c>.</summary>
    public string Path { get; }

    /// <summary>The flag, without its dashes: <c>total-shards</c>.</summary>
    public string Flag { get; }

    /// <summary>Other names of the flag.</summary>
    public IReadOnlyList<string> Aliases { get; }

    /// <summary>The environment variable: <c>NORIKV_TOTAL_SHARDS</c>.</summary>
    public string Variable => VariableOf(Flag);

    /// <summary>One line for people.</summary>
    public string Help { get; }

    /// <summary>The default as people would write it; empty for none.</summary>
    public string Default { get; }

    /// <summary>True when it takes many values: a sequence in the file, commas elsewhere.</summary>
    public bool IsList { get; }

    /// <summary>True when the flag may stand without a value.</summary>
    public bool IsSwitch { get; }

    /// <summary>The environment variable of a flag.</summary>
    public static string VariableOf(string flag) => "NORIKV_" + flag.Replace('-', '_').ToUpperInvariant();

    internal SettingOutcome Apply(ServerOptions options, IReadOnlyList<string> values) => _apply(options, values);
}
