using System.Buffers;
using System.CommandLine;
using NoriKV.Cli.Console;
using NoriKV.Cli.Formats;
using NoriKV.Client;
using NoriKV.Types;

namespace NoriKV.Cli.Commands;

/// <summary><c>norikv scan</c>: pairs in key order, one a line.</summary>
internal static class ScanCommand
{
    public static Command Create(CliHost host, Option<bool> json)
    {
        var command = new ExampleCommand(
            "scan",
            "Print pairs in key order, one a line: key, tab, value (special bytes escaped), or JSON with --json.",
            "norikv scan --prefix user:",
            "norikv scan --count",
            "norikv scan --start a --end b --limit 10 --reverse",
            "norikv scan --keys-only --json");
        ClientOptions client = ClientOptions.AddTo(command);
        RangeOptions range = RangeOptions.AddTo(command);
        var reverse = new Option<bool>("--reverse") { Description = "From the last key to the first" };
        var limit = new Option<long>("--limit") { Description = "Most pairs; 0 for all", HelpName = "n" };
        var keysOnly = new Option<bool>("--keys-only") { Description = "Leave the values out" };
        var count = new Option<bool>("--count") { Description = "Print only how many there are" };
        foreach (Option option in (Option[])[reverse, limit, keysOnly, count]) command.Options.Add(option);
        command.SetAction(async (parse, token) =>
        {
            if (parse.GetValue(limit) < 0) throw new UsageException("--limit must not be negative");
            ScanOptions scan = range.Read(parse) with
            {
                Reverse = parse.GetValue(reverse),
                Limit = parse.GetValue(limit),
                KeysOnly = parse.GetValue(keysOnly),
            };
            INoriKV store = await client.ConnectAsync(parse, host, token).ConfigureAwait(false);
            await using (store.ConfigureAwait(false))
            {
                if (parse.GetValue(count))
                {
                    long pairs = await store.CountAsync(scan, token).ConfigureAwait(false);
                    host.WriteLine(parse.GetValue(json) ? $$"""{"count":{{pairs}}}""" : $"{pairs}");
                    return ExitCode.Ok;
                }

                await PrintAsync(host, store, scan, parse.GetValue(json), token).ConfigureAwait(false);
                return ExitCode.Ok;
            }
        });
        return command;
    }

    private static async Task PrintAsync(
        CliHost host, INoriKV store, ScanOptions scan, bool json, CancellationToken cancellationToken)
    {
        const int FlushBytes = 64 << 10;
        var buffer = new ArrayBufferWriter<byte>(FlushBytes);
        await foreach (KvPair pair in store.ScanAsync(scan, cancellationToken).ConfigureAwait(false))
        {
            if (json) WriteJson(pair, scan.KeysOnly, buffer);
            else WriteText(pair, scan.KeysOnly, buffer);
            // A person watches it come; a pipe gets large writes.
            if (!host.OutputIsTerminal && buffer.WrittenCount < FlushBytes) continue;
            await host.Output.WriteAsync(buffer.WrittenMemory, cancellationToken).ConfigureAwait(false);
            buffer.ResetWrittenCount();
        }

        await host.Output.WriteAsync(buffer.WrittenMemory, cancellationToken).ConfigureAwait(false);
        await host.Output.FlushAsync(cancellationToken).ConfigureAwait(false);
    }

    private static void WriteText(KvPair pair, bool keysOnly, IBufferWriter<byte> output)
    {
        TsvCodec.WriteField(pair.Key.Span, FieldEncoding.Text, output);
        if (!keysOnly)
        {
            output.Write("\t"u8);
            TsvCodec.WriteField(pair.Value.Span, FieldEncoding.Text, output);
        }

        output.Write("\n"u8);
    }

    private static void WriteJson(KvPair pair, bool keysOnly, IBufferWriter<byte> output)
    {
        output.Write("{"u8);
        JsonText.WriteField("key", pair.Key.Span, FieldEncoding.Text, output);
        if (!keysOnly)
        {
            output.Write(","u8);
            JsonText.WriteField("value", pair.Value.Span, FieldEncoding.Text, output);
        }

        output.Write(System.Text.Encoding.ASCII.GetBytes($",\"version\":\"{pair.Version}\"}}\n"));
    }
}
