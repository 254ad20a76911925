using System.CommandLine;
using System.Text.Json;
using NoriKV.Cli.Console;
using NoriKV.Cli.Explain;
using NoriKV.Client;
using NoriKV.Node.Tracing;
using NoriKV.Types;

namespace NoriKV.Cli.Commands;

/// <summary><c>norikv slow</c>: the slow requests that a node remembers, with their stages, and what counts as slow.</summary>
internal static class SlowCommand
{
    private static readonly TimeSpan PollPeriod = TimeSpan.FromSeconds(1);

    public static Command Create(CliHost host, Option<bool> json)
    {
        var command = new ExampleCommand(
            "slow",
            "Print the slow requests that a node remembers, the longest stages first; with -f those that come, too. "
            + "A request is slow that takes as long as log.slow_threshold says (250 ms), until --threshold says otherwise.",
            "norikv slow",
            "norikv slow -f --http node2:8080",
            "norikv slow --table --limit 3",
            "norikv slow --threshold 50ms",
            "norikv slow -f --json");
        var node = new Option<string?>("--http")
        {
            Description = "HTTP address of the node, host:port or https://host:port; NORIKV_HTTP otherwise [default: localhost:8080]",
            HelpName = "address",
        };
        var follow = new Option<bool>("--follow", "-f") { Description = "Go on with what comes" };
        var table = new Option<bool>("--table") { Description = "Print each as a table of its stages" };
        var limit = new Option<int>("--limit")
        {
            Description = "Only the last so many; with -f end behind so many; 0: all",
            HelpName = "n",
        };
        var threshold = new Option<string?>("--threshold")
        {
            Description = "From now on this counts as slow, until the node restarts: 100ms, 2s; 0 for nothing",
            HelpName = "duration",
        };
        foreach (Option option in (Option[])[node, follow, table, limit, threshold]) command.Options.Add(option);
        command.SetAction(async (parse, token) =>
        {
            Uri address = HttpAddress.Read(host, parse.GetValue(node));
            int most = parse.GetValue(limit);
            if (most < 0) throw new UsageException("--limit must not be negative");
            using var http = new HttpClient { BaseAddress = address };
            bool asJson = parse.GetValue(json);
            if (parse.GetValue(threshold) is { } wanted) return await ChangeAsync(host, http, wanted, asJson, token).ConfigureAwait(false);
            Action<JsonElement> print = asJson ? each => host.WriteLine(each.GetRawText())
                : parse.GetValue(table) ? each => host.WriteLine(TraceText.Table(RequestTraceJson.Read(each)))
                : each => host.WriteLine(TraceText.Line(RequestTraceJson.Read(each)));
            await RunAsync(host, http, parse.GetValue(follow), most, print, token).ConfigureAwait(false);
            return ExitCode.Ok;
        });
        return command;
    }

    private static async Task RunAsync(
        CliHost host, HttpClient http, bool follow, int most, Action<JsonElement> print, CancellationToken cancellationToken)
    {
        long since = 0;
        int printed = 0;
        while (true)
        {
            using JsonDocument page = await AskAsync(http, HttpMethod.Get, $"/slow?since={since}", cancellationToken).ConfigureAwait(false);
            long last = page.RootElement.GetProperty("last").GetInt64();
            JsonElement[] found = [.. page.RootElement.GetProperty("operations").EnumerateArray()];
            // A node that restarted counts anew.
            since = last < since ? 0 : last;
            foreach (JsonElement each in follow || most == 0 ? found : found.TakeLast(most))
            {
                print(each);
                if (++printed == most && follow) return;
            }

            await host.Output.FlushAsync(cancellationToken).ConfigureAwait(false);
            if (!follow) return;
            await Task.Delay(PollPeriod, host.Time, cancellationToken).ConfigureAwait(false);
        }
    }

    private static async Task<int> ChangeAsync(
        CliHost host, HttpClient http, string wanted, bool asJson, CancellationToken cancellationToken)
    {
        if (!Durations.TryParse(wanted, out TimeSpan span) || span > TimeSpan.FromHours(1))
            throw new UsageException($"--threshold {wanted} is no duration up to an hour: 100ms, 2s, 0");
        long milliseconds = (long)Math.Ceiling(span.TotalMilliseconds);
        using JsonDocument page = await AskAsync(
            http, HttpMethod.Put, $"/slow?threshold_ms={milliseconds}", cancellationToken).ConfigureAwait(false);
        double threshold = page.RootElement.GetProperty("threshold_ms").GetDouble();
        host.WriteLine(asJson ? JsonOutput.Line(w => w.WriteNumber("threshold_ms", threshold)) : $"threshold {threshold:0.###} ms");
        return ExitCode.Ok;
    }

    private static async Task<JsonDocument> AskAsync(
        HttpClient http, HttpMethod method, string path, CancellationToken cancellationToken)
    {
        try
        {
            using var request = new HttpRequestMessage(method, path);
            using HttpResponseMessage response = await http.SendAsync(request, cancellationToken).ConfigureAwait(false);
            string body = await response.Content.ReadAsStringAsync(cancellationToken).ConfigureAwait(false);
            if (response.IsSuccessStatusCode) return JsonDocument.Parse(body);
            KvCode code = response.StatusCode == System.Net.HttpStatusCode.Forbidden ? KvCode.PermissionDenied : KvCode.Unavailable;
            throw NoriKVException.From(new KvError(code, $"{http.BaseAddress?.Authority} answers {(int)response.StatusCode}: {body}"));
        }
        catch (HttpRequestException failed)
        {
            throw new UnavailableException(
                new KvError(KvCode.Unavailable, $"no answer from {http.BaseAddress?.Authority}: {failed.Message}"), failed);
        }
    }
}
