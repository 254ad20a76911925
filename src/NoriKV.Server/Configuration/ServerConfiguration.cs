namespace NoriKV.Server;

/// <summary>
/// Lays file, environment and flags over the defaults, in this order, and lists every problem at once.
/// </summary>
public static class ServerConfiguration
{
    // Variables of the same prefix that are not settings of a server.
    private static readonly HashSet<string> Others = new(StringComparer.Ordinal)
    {
        "NORIKV_ADDR", "NORIKV_CONFIG", "NORIKV_JSON", "NORIKV_HOME",
    };

    /// <summary>Reads all sources.</summary>
    /// <param name="yaml">The text of the file; null for none.</param>
    /// <param name="environment">
    /// All environment variables; those that begin with <c>NORIKV_</c> count.
    /// </param>
    /// <param name="flags">Flags by name without dashes; a switch without value has an empty one.</param>
    /// <param name="fileName">What messages call the file.</param>
    public static ConfigurationResult Load(
        string? yaml,
        IEnumerable<KeyValuePair<string, string>> environment,
        IEnumerable<KeyValuePair<string, string>> flags,
        string fileName = "config.yaml")
    {
        var errors = new List<string>();
        var warnings = new List<string>();
        var options = new ServerOptions();
        if (yaml is not null)
        {
            foreach (YamlEntry entry in YamlSettings.Read(yaml, fileName, errors))
            {
                string source = $"{fileName}:{entry.Line}: {entry.Setting.Path}";
                options = Apply(options, entry.Setting, entry.Values, source, errors);
            }
        }

        foreach ((string name, string value) in environment.OrderBy(static e => e.Key, StringComparer.Ordinal))
        {
            if (!name.StartsWith("NORIKV_", StringComparison.Ordinal) || Others.Contains(name)) continue;
            if (FindVariable(name) is { } setting)
                options = Apply(options, setting, Split(setting, value), name, errors);
            else
            {
                string hint = Nearest.Hint(name, Variables());
                warnings.Add($"environment variable {name} is not known{hint} and is ignored");
            }
        }

        foreach ((string name, string value) in flags)
        {
            if (FindFlag(name) is { } setting)
                options = Apply(options, setting, Split(setting, value), $"--{name}", errors);
            else
                errors.Add($"--{name} is not known{Nearest.Hint(name, Flags())}");
        }

        // Contradictions are worth showing only among values that are right by themselves.
        if (errors.Count == 0) errors.AddRange(options.Validate());
        return new ConfigurationResult(errors.Count == 0 ? options : null, errors, warnings);
    }

    /// <summary>Reads the file (null for none), this process's environment, and flags.</summary>
    public static ConfigurationResult LoadFile(string? path, IEnumerable<KeyValuePair<string, string>> flags)
    {
        string? yaml = null;
        if (path is not null)
        {
            try
            {
                yaml = File.ReadAllText(path);
            }
            catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
            {
                return new ConfigurationResult(null, [$"{path}: {failure.Message}"], []);
            }
        }

        IEnumerable<KeyValuePair<string, string>> environment = Environment.GetEnvironmentVariables()
            .Cast<System.Collections.DictionaryEntry>()
            .Select(static e => KeyValuePair.Create((string)e.Key, (string?)e.Value ?? ""));
        return Load(yaml, environment, flags, path is null ? "config.yaml" : Path.GetFileName(path));
    }

    private static ServerOptions Apply(
        ServerOptions options, Setting setting, IReadOnlyList<string> values, string source, List<string> errors)
    {
        SettingOutcome outcome = setting.Apply(options, values);
        if (outcome.Options is { } applied) return applied;
        errors.Add($"{source}: {outcome.Problem}");
        return options;
    }

    private static string[] Split(Setting setting, string value) => setting.IsList
        ? value.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)
        : [value];

    private static Setting? FindFlag(string name) =>
        Settings.All.FirstOrDefault(s => s.Flag == name || s.Aliases.Contains(name));

    private static Setting? FindVariable(string name) =>
        Settings.All.FirstOrDefault(s => s.Variable == name || s.Aliases.Any(a => Setting.VariableOf(a) == name));

    private static IEnumerable<string> Flags() => Settings.All.SelectMany(static s => s.Aliases.Prepend(s.Flag));

    private static IEnumerable<string> Variables() => Flags().Select(Setting.VariableOf);
}
