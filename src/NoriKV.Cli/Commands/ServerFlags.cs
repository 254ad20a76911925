using System.CommandLine;
using NoriKV.Cli.Console;
using NoriKV.Server;

namespace NoriKV.Cli.Commands;

/// <summary>Every setting of a server as an option, from the server's own table.</summary>
internal sealed class ServerFlags
{
    private readonly List<(Setting Setting, Option<string?> Option)> _flags = [];

    private readonly Option<string?> _config = new("--config")
    {
        Description = "The configuration file (YAML); NORIKV_CONFIG otherwise",
        HelpName = "file",
    };

    public static ServerFlags AddTo(Command command)
    {
        var flags = new ServerFlags();
        command.Options.Add(flags._config);
        foreach (Setting setting in Settings.All)
        {
            string shown = setting.Default.Length > 0 ? $" [default: {setting.Default}]" : "";
            var option = new Option<string?>("--" + setting.Flag, [.. setting.Aliases.Select(static a => "--" + a)])
            {
                Description = setting.Help + shown,
                HelpName = setting.IsList ? "a,b" : setting.IsSwitch ? "true|false" : "value",
                Arity = setting.IsSwitch ? ArgumentArity.ZeroOrOne : ArgumentArity.ExactlyOne,
            };
            flags._flags.Add((setting, option));
            command.Options.Add(option);
        }

        return flags;
    }

    /// <summary>True when the flag is on the command line.</summary>
    public bool Has(ParseResult parse, string flag) =>
        parse.GetResult(_flags.First(f => f.Setting.Flag == flag).Option) is { Implicit: false };

    /// <summary>The file named by argument, flag or environment; null for none.</summary>
    public string? File(ParseResult parse, string? argument, CliHost host)
    {
        string? flag = parse.GetValue(_config);
        if (argument is not null && flag is not null) throw new UsageException("give the file once, not also as --config");
        return argument ?? flag ?? host.Environment("NORIKV_CONFIG");
    }

    /// <summary>The flags that are on the command line, for another command line, but for some; the file's too.</summary>
    public IReadOnlyList<string> PassedOn(ParseResult parse, string? file, IReadOnlyCollection<string> except)
    {
        IEnumerable<string> given = _flags
            .Where(f => !except.Contains(f.Setting.Flag) && parse.GetResult(f.Option) is { Implicit: false })
            .SelectMany(f => parse.GetValue(f.Option) is { Length: > 0 } value
                ? ["--" + f.Setting.Flag, value]
                : (string[])["--" + f.Setting.Flag]);
        return file is null ? [.. given] : [.. given, "--config", Path.GetFullPath(file)];
    }

    /// <summary>Lays file, environment and flags over the defaults.</summary>
    /// <exception cref="UsageException">Something is wrong; all of it is named.</exception>
    public ServerOptions Load(ParseResult parse, string? file, CliHost host)
    {
        IEnumerable<KeyValuePair<string, string>> given = _flags
            .Where(f => parse.GetResult(f.Option) is { Implicit: false })
            .Select(f => KeyValuePair.Create(f.Setting.Flag, parse.GetValue(f.Option) ?? ""));
        ConfigurationResult result = ServerConfiguration.LoadFile(file, given);
        foreach (string warning in result.Warnings) host.Error.WriteLine($"norikv: {warning}");
        return result.Options ?? throw new UsageException(string.Join("\nnorikv: ", result.Errors));
    }
}
