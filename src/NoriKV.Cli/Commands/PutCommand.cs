using System.CommandLine;
using System.Text;
using NoriKV.Cli.Console;
using NoriKV.Client;
using NoriKV.Types;

namespace NoriKV.Cli.Commands;

/// <summary><c>norikv put KEY [VALUE]</c>.</summary>
internal static class PutCommand
{
    public static Command Create(CliHost host, Option<bool> json)
    {
        var command = new ExampleCommand(
            "put",
            "Write a key. The value is the argument, a file, or standard input; it is stored as it is.",
            "norikv put user:1 Ada",
            "norikv put session:9 token --ttl 30m",
            "norikv put picture --file picture.png",
            "echo -n hello | norikv put greeting",
            "norikv put user:1 Grace --if-match 1.42");
        ClientOptions client = ClientOptions.AddTo(command);
        KeyArgument key = KeyArgument.AddTo(command);
        var value = new Argument<string?>("value")
        {
            Description = "The value as text; left out or '-': standard input",
            Arity = ArgumentArity.ZeroOrOne,
        };
        var file = new Option<string?>("--file", "-f") { Description = "Read the value from a file", HelpName = "file" };
        var base64 = new Option<bool>("--value-b64") { Description = "The value argument is given as base64" };
        var ttl = new Option<string?>("--ttl") { Description = "Time to live: 500ms, 30s, 5m, 2h, 7d", HelpName = "duration" };
        var absent = new Option<bool>("--if-not-exists") { Description = "Only if the key does not exist" };
        command.Arguments.Add(value);
        foreach (Option option in (Option[])[file, base64, ttl, absent]) command.Options.Add(option);
        WriteConditions conditions = WriteConditions.AddTo(command);
        command.SetAction(async (parse, token) =>
        {
            var options = new PutOptions
            {
                Ttl = Ttl(parse.GetValue(ttl)),
                IfMatch = conditions.IfMatch(parse),
                IfNotExists = parse.GetValue(absent),
                IdempotencyKey = conditions.IdempotencyKey(parse),
            };
            byte[] name = key.Read(parse);
            byte[] bytes = await ReadValueAsync(
                host, parse.GetValue(value), parse.GetValue(file), parse.GetValue(base64), token).ConfigureAwait(false);
            INoriKV store = await client.ConnectAsync(parse, host, token).ConfigureAwait(false);
            await using (store.ConfigureAwait(false))
            {
                PutResult result = await store.PutAsync(name, bytes, options, token).ConfigureAwait(false);
                host.WriteLine(parse.GetValue(json)
                    ? JsonOutput.Line(w =>
                    {
                        w.WriteBytes("key", name);
                        w.WriteString("version", result.Version.ToString());
                    })
                    : $"version {result.Version}");
                return ExitCode.Ok;
            }
        });
        return command;
    }

    private static TimeSpan? Ttl(string? text)
    {
        if (text is null) return null;
        return Durations.TryParse(text, out TimeSpan span) && span > TimeSpan.Zero
            ? span
            : throw new UsageException($"--ttl {text} is no duration: 500ms, 30s, 5m, 2h, 7d");
    }

    private static async Task<byte[]> ReadValueAsync(
        CliHost host, string? value, string? file, bool base64, CancellationToken cancellationToken)
    {
        if (value is not null && file is not null) throw new UsageException("give the value or --file, not both");
        if (file is not null) return await File.ReadAllBytesAsync(file, cancellationToken).ConfigureAwait(false);
        if (value is not (null or "-")) return base64 ? KeyArgument.Decode(value, true, "value") : Encoding.UTF8.GetBytes(value);
        if (value is null && host.InputIsTerminal)
        {
            throw new UsageException("there is no value: give it as an argument, with --file, or on standard input");
        }

        var input = new MemoryStream();
        await host.Input.CopyToAsync(input, cancellationToken).ConfigureAwait(false);
        return input.ToArray();
    }
}
