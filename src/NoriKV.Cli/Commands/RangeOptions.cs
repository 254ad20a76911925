using System.CommandLine;
using NoriKV.Cli.Console;
using NoriKV.Types;

namespace NoriKV.Cli.Commands;

/// <summary>--prefix, --start, --end: which keys.</summary>
internal sealed class RangeOptions
{
    private readonly Option<string?> _prefix = new("--prefix") { Description = "Only keys that begin so" };

    private readonly Option<string?> _start = new("--start") { Description = "First key, inclusive" };

    private readonly Option<string?> _end = new("--end") { Description = "Last key, exclusive" };

    private readonly Option<bool> _base64 =
        new("--key-b64") { Description = "Prefix, start and end are given as base64" };

    public static RangeOptions AddTo(Command command)
    {
        var range = new RangeOptions();
        foreach (Option option in (Option[])[range._prefix, range._start, range._end, range._base64])
        {
            command.Options.Add(option);
        }

        return range;
    }

    public ScanOptions Read(ParseResult parse)
    {
        string? prefix = parse.GetValue(_prefix), start = parse.GetValue(_start), end = parse.GetValue(_end);
        if (prefix is not null && (start is not null || end is not null))
        {
            throw new UsageException("give --prefix, or --start and --end, not both");
        }

        bool base64 = parse.GetValue(_base64);
        return new ScanOptions
        {
            Prefix = KeyArgument.Decode(prefix ?? "", base64, "prefix"),
            Start = KeyArgument.Decode(start ?? "", base64, "start"),
            End = KeyArgument.Decode(end ?? "", base64, "end"),
        };
    }
}
