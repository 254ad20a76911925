using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Parsing;
using NoriKV.Cli.Commands;
using NoriKV.Cli.Console;

namespace NoriKV.Cli;

/// <summary>The command line: its commands, its help, and how everything ends as an exit code.</summary>
internal static class CliApp
{
    private static readonly string[] RootExamples =
    [
        "norikv dev",
        "norikv put greeting hello",
        "norikv get greeting",
        "norikv scan --prefix user: --limit 10",
        "norikv import packages.jsonl",
        "norikv COMMAND --help",
    ];

    /// <summary>Runs a command line.</summary>
    public static async Task<int> RunAsync(string[] args, CliHost host)
    {
        var json = new Option<bool>("--json") { Description = "Print JSON", Recursive = true };
        RootCommand root = Build(host, json);
        ParseResult parse = root.Parse(args);
        bool asJson = parse.GetValue(json);
        if (parse.Action is not ExampleHelp && Problems(parse, args) is { Length: > 0 } said)
        {
            return Failures.Report(new UsageException($"{said}\nSee: norikv {WordsOf(parse.CommandResult)}--help"), host, asJson);
        }

        var output = new StreamWriter(host.Output, new System.Text.UTF8Encoding(false), leaveOpen: true) { AutoFlush = true };
        await using (output.ConfigureAwait(false))
        {
            try
            {
                return await parse.InvokeAsync(new InvocationConfiguration
                {
                    EnableDefaultExceptionHandler = false,
                    // A server has its own signals and its own time to drain; a client command finishes what is in flight.
                    ProcessTerminationTimeout = IsServer(parse) ? null : TimeSpan.FromSeconds(5),
                    Output = output,
                    Error = host.Error,
                }).ConfigureAwait(false);
            }
#pragma warning disable CA1031 // Every failure ends as words and an exit code.
            catch (Exception e)
#pragma warning restore CA1031
            {
                return Failures.Report(e, host, asJson);
            }
        }
    }

    /// <summary>
    /// What is wrong with a command line by itself, without running it; empty for nothing. For the tests of the documentation.
    /// </summary>
    internal static string Judge(string[] args, CliHost host)
    {
        ParseResult parse = Build(host, new Option<bool>("--json") { Recursive = true }).Parse(args);
        return parse.Action is ExampleHelp ? "" : Problems(parse, args);
    }

    /// <summary>All commands, as the words that call them, with the examples of their help; hidden ones left out.</summary>
    internal static IEnumerable<(string Words, IReadOnlyList<string> Examples)> Commands(CliHost host)
    {
        RootCommand root = Build(host, new Option<bool>("--json") { Recursive = true });
        return root.Subcommands.Where(static c => !c.Hidden).SelectMany(static c => Under(c, c.Name)).Append(("", RootExamples));

        static IEnumerable<(string, IReadOnlyList<string>)> Under(Command command, string words) =>
            command.Subcommands.SelectMany(c => Under(c, $"{words} {c.Name}"))
                .Prepend((words, (command as ExampleCommand)?.Examples ?? []));
    }

    // A mistyped flag must not become a key or a file: what begins with two dashes is an argument only behind "--".
    private static string Problems(ParseResult parse, string[] args)
    {
        HashSet<string> flags = [.. args.TakeWhile(static a => a != "--").Where(static a => a.StartsWith("--", StringComparison.Ordinal))];
        IEnumerable<string> unknown = parse.CommandResult.Children.OfType<ArgumentResult>()
            .SelectMany(static argument => argument.Tokens)
            .Where(token => flags.Contains(token.Value))
            .Select(static token => $"There is no option {token.Value}; an argument that begins so stands behind --.");
        return string.Join("; ", unknown.DefaultIfEmpty(string.Join("; ", parse.Errors.Select(static e => e.Message))));
    }

    // "cluster move-leader ", and nothing for norikv itself.
    private static string WordsOf(CommandResult result) =>
        result.Parent is CommandResult parent ? $"{WordsOf(parent)}{result.Command.Name} " : "";

    private static bool IsServer(ParseResult parse) =>
        parse.CommandResult.Command.Name is "server" or "dev" or "chaos" or "chaos-node";

    private static RootCommand Build(CliHost host, Option<bool> json)
    {
        var root = new RootCommand("NoriKV: a sharded, replicated, log-structured key-value store.");
        root.Options.Add(json);
        HelpOption help = root.Options.OfType<HelpOption>().Single();
        help.Action = new ExampleHelp((HelpAction)help.Action!, RootExamples);
        root.Subcommands.Add(ServerCommand.Create(host, json));
        root.Subcommands.Add(DevCommand.Create(host, json));
        root.Subcommands.Add(GetCommand.Create(host, json));
        root.Subcommands.Add(PutCommand.Create(host, json));
        root.Subcommands.Add(DeleteCommand.Create(host, json));
        root.Subcommands.Add(ScanCommand.Create(host, json));
        root.Subcommands.Add(ImportCommand.Create(host, json));
        root.Subcommands.Add(ExportCommand.Create(host, json));
        root.Subcommands.Add(BenchCommand.Create(host, json));
        root.Subcommands.Add(ExplainCommand.Create(host, json));
        root.Subcommands.Add(SlowCommand.Create(host, json));
        root.Subcommands.Add(ClusterCommand.Create(host, json));
        root.Subcommands.Add(DoctorCommand.Create(host, json));
        root.Subcommands.Add(RecoverCommand.Create(host, json));
        root.Subcommands.Add(EventsCommand.Create(host, json));
        root.Subcommands.Add(InspectCommand.Create(host, json));
        root.Subcommands.Add(CheckHistoryCommand.Create(host, json));
        root.Subcommands.Add(ShardOfCommand.Create(host, json));
        root.Subcommands.Add(SimCommand.Create(host, json));
        root.Subcommands.Add(ChaosCommand.Create(host, json));
        root.Subcommands.Add(ChaosNodeCommand.Create(host, json));
        return root;
    }
}
