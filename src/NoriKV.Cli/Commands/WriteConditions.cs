using System.CommandLine;
using NoriKV.Cli.Console;
using NoriKV.Types;

namespace NoriKV.Cli.Commands;

/// <summary>--if-match and --idempotency-key.</summary>
internal sealed class WriteConditions
{
    private readonly Option<string?> _ifMatch = new("--if-match")
    {
        Description = "Only if the key has this version, as get --json prints it",
        HelpName = "term.index",
    };

    private readonly Option<string?> _idempotencyKey = new("--idempotency-key")
    {
        Description = "Repeats under the same key give the first outcome",
        HelpName = "text",
    };

    public static WriteConditions AddTo(Command command)
    {
        var conditions = new WriteConditions();
        command.Options.Add(conditions._ifMatch);
        command.Options.Add(conditions._idempotencyKey);
        return conditions;
    }

    public string? IdempotencyKey(ParseResult parse) => parse.GetValue(_idempotencyKey);

    public KvVersion? IfMatch(ParseResult parse)
    {
        if (parse.GetValue(_ifMatch) is not { } text) return null;
        return KvVersion.TryParse(text, out KvVersion version)
            ? version
            : throw new UsageException($"--if-match {text} is no version: term.index, such as 1.42");
    }
}
