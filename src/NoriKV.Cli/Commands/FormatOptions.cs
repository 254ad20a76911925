using System.CommandLine;
using NoriKV.Cli.Console;
using NoriKV.Cli.Formats;

namespace NoriKV.Cli.Commands;

/// <summary>--format, --base64, --key-encoding, --value-encoding: how a file is written.</summary>
internal sealed class FormatOptions
{
    private readonly Option<string?> _format = new("--format")
    {
        Description = "jsonl or tsv [default: by the file's name, else jsonl]",
        HelpName = "format",
    };

    private readonly Option<bool> _base64 = new("--base64") { Description = "Keys and values as base64" };

    private readonly Option<FieldEncoding> _keys = new("--key-encoding") { Description = "How keys are written" };

    private readonly Option<FieldEncoding> _values = new("--value-encoding") { Description = "How values are written" };

    public static FormatOptions AddTo(Command command)
    {
        var options = new FormatOptions();
        foreach (Option option in (Option[])[options._format, options._base64, options._keys, options._values])
        {
            command.Options.Add(option);
        }

        return options;
    }

    public RecordFormat Format(ParseResult parse, string file) => parse.GetValue(_format) switch
    {
        "jsonl" or "json" => RecordFormat.Jsonl,
        "tsv" => RecordFormat.Tsv,
        null => file.EndsWith(".tsv", StringComparison.OrdinalIgnoreCase) ? RecordFormat.Tsv : RecordFormat.Jsonl,
        { } other => throw new UsageException($"unknown format '{other}': jsonl or tsv"),
    };

    public FieldEncoding Keys(ParseResult parse) =>
        parse.GetValue(_base64) ? FieldEncoding.Base64 : parse.GetValue(_keys);

    public FieldEncoding Values(ParseResult parse) =>
        parse.GetValue(_base64) ? FieldEncoding.Base64 : parse.GetValue(_values);
}
