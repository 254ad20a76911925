using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;

namespace NoriKV.Cli.Console;

/// <summary>The usual help, then the examples of the command.</summary>
internal sealed class ExampleHelp(HelpAction usual, IReadOnlyList<string> rootExamples) : SynchronousCommandLineAction
{
    public override bool ClearsParseErrors => true;

    public override int Invoke(ParseResult parseResult)
    {
        int code = usual.Invoke(parseResult);
        IReadOnlyList<string> examples =
            parseResult.CommandResult.Command is ExampleCommand command ? command.Examples : rootExamples;
        if (examples.Count == 0) return code;
        TextWriter output = parseResult.InvocationConfiguration.Output;
        output.WriteLine("Examples:");
        foreach (string example in examples) output.WriteLine("  " + example);
        output.WriteLine();
        return code;
    }
}
