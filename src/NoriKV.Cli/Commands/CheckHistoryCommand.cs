using System.CommandLine;
using NoriKV.Cli.Console;
using NoriKV.Cli.Histories;
using NoriKV.TestKit.Linearizability;

namespace NoriKV.Cli.Commands;

/// <summary><c>norikv check-history FILE…</c>: are recorded histories linearizable? Asks no node.</summary>
internal static class CheckHistoryCommand
{
    public static Command Create(CliHost host, Option<bool> json)
    {
        var command = new ExampleCommand(
            "check-history",
            "Say whether recorded histories are linearizable, and draw the shortest contradiction of one that is not. "
            + "Reads Jepsen register logs, EDN maps ({:process 0, :type :invoke, :f :get, :key \"a\", :value nil}) and JSON lines. "
            + "Exit code 0: all are; 1: one is not, whatever came of the others; 2: none is known not to be, and one cannot be read, "
            + "holds no calls, or cannot be decided within --max-states: "
            + "the problem is NP-complete where values are written more than once.",
            "norikv check-history run.jsonl",
            "norikv check-history etcd_*.log",
            "norikv check-history run.jsonl --html run.html",
            "xz -dc run.jsonl.xz | norikv check-history - --json");
        var files = new Argument<string[]>("file")
        {
            Description = "The histories; '-' for standard input",
            Arity = ArgumentArity.OneOrMore,
        };
        var html = new Option<string?>("--html")
        {
            Description = "Write a page with the verdicts and drawings to this file",
            HelpName = "page",
        };
        var quiet = new Option<bool>("--quiet", "-q") { Description = "No pictures, and no progress on standard error" };
        command.Arguments.Add(files);
        var maxStates = new Option<long>("--max-states")
        {
            Description = "States to look at for one key, beyond one for each of its calls; a million take seconds "
                + "and some 200 MiB of memory",
            HelpName = "states",
            DefaultValueFactory = static _ => LinearizabilityChecker.DefaultStatesMax,
        };
        command.Options.Add(html);
        command.Options.Add(maxStates);
        command.Options.Add(quiet);
        command.SetAction((parse, token) => Task.Run(() => Run(
            new HistoryCheck(host, parse.GetValue(quiet) || parse.GetValue(json), AtLeastOne(parse.GetValue(maxStates)), token),
            parse.GetValue(files)!,
            new HistoryOutput(host, parse.GetValue(json), parse.GetValue(quiet)),
            parse.GetValue(html)), token));
        return command;
    }

    private static long AtLeastOne(long states) =>
        states >= 1 ? states : throw new UsageException("--max-states: at least 1");

    private static int Run(HistoryCheck check, string[] files, HistoryOutput output, string? html)
    {
        if (files.Count(static f => f == "-") > 1) throw new UsageException("standard input can be read once");
        List<HistoryVerdict> verdicts = [];
        foreach (string file in files)
        {
            verdicts.Add(check.Of(file));
            output.Print(verdicts[^1]);
        }

        if (html is not null) File.WriteAllText(html, HistoryPage.Of(verdicts));
        // A contradiction is one whatever else could not be judged.
        if (verdicts.Exists(static v => v.Verdict?.Contradiction is not null)) return ExitCode.No;
        return verdicts.Exists(static v => v.Problem is not null) ? ExitCode.Usage : ExitCode.Ok;
    }
}
