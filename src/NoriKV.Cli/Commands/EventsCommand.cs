using System.CommandLine;
using System.Net;
using System.Net.WebSockets;
using System.Text;
using System.Text.Json;
using NoriKV.Cli.Console;
using NoriKV.Cli.Events;
using NoriKV.Client;
using NoriKV.Types;

namespace NoriKV.Cli.Commands;

/// <summary><c>norikv events</c>: what a node does, as it does it; or what a recording says that one did.</summary>
internal static class EventsCommand
{
    private static readonly TimeSpan FlushPeriod = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan RefusalMax = TimeSpan.FromSeconds(5);

    public static Command Create(CliHost host, Option<bool> json)
    {
        var command = new ExampleCommand(
            "events",
            "Print a node's events: those it remembers, and with -f those that come. Connects again and goes on where it was.",
            "norikv events",
            "norikv events -f --family Raft,Swim",
            "norikv events -f --json --record incident.jsonl",
            "norikv events --replay incident.jsonl --speed 10 --kind LeaderElected");
        var node = new Option<string?>("--http")
        {
            Description = "HTTP address of the node, host:port or https://host:port; NORIKV_HTTP otherwise [default: localhost:8080]",
            HelpName = "address",
        };
        var follow = new Option<bool>("--follow", "-f") { Description = "Go on with what comes" };
        Option<string[]> families = Words("--family", "Only these families: Wal, Lsm, Compaction, Raft, Swim, Shard, Cache, Scrub");
        Option<string[]> kinds = Words("--kind", "Only these kinds, such as Fsync or LeaderElected");
        var since = new Option<string?>("--since")
        {
            Description = "Begin behind this event: epoch and seq of its JSON; 0 for all that is remembered",
            HelpName = "epoch.seq",
        };
        var limit = new Option<long>("--limit") { Description = "End behind so many events; 0 for no end", HelpName = "n" };
        var record = new Option<string?>("--record") { Description = "Write the events to a new file as well", HelpName = "file" };
        var replay = new Option<string?>("--replay") { Description = "Read a recording instead of asking a node", HelpName = "file" };
        var speed = new Option<double>("--speed")
        {
            Description = "How fast to replay: 1 as it was, 10 ten times; 0 at once",
            HelpName = "factor",
        };
        foreach (Option option in (Option[])[node, follow, families, kinds, since, limit, record, replay, speed])
            command.Options.Add(option);
        command.SetAction(async (parse, token) =>
        {
            long most = parse.GetValue(limit);
            if (most < 0) throw new UsageException("--limit must not be negative");
            string[] wantedFamilies = Split(parse.GetValue(families)), wantedKinds = Split(parse.GetValue(kinds));
            EventPosition? from = parse.GetValue(since) is not { } position ? null : EventPosition.TryParse(position)
                ?? throw new UsageException(
                    $"--since {position} is no position: EPOCH.SEQ, as epoch and seq stand in what --json prints, or 0");
            IAsyncEnumerable<string> events = parse.GetValue(replay) is { } file
                ? Replay(host, file, parse.GetValue(speed), wantedFamilies, wantedKinds, token)
                : Live(host, HttpAddress.Read(host, parse.GetValue(node)), parse.GetValue(follow), from,
                    wantedFamilies, wantedKinds, token);
            using StreamWriter? target = parse.GetValue(record) is { } to ? EventRecording.Create(to) : null;
            await PrintAsync(host, events, parse.GetValue(json), most, target, token).ConfigureAwait(false);
            return ExitCode.Ok;
        });
        return command;
    }

    private static async Task PrintAsync(
        CliHost host, IAsyncEnumerable<string> events, bool json, long most, StreamWriter? target, CancellationToken cancellationToken)
    {
        long count = 0, flushed = host.Time.GetTimestamp();
        await foreach (string line in events.WithCancellation(cancellationToken).ConfigureAwait(false))
        {
            host.WriteLine(json ? line : EventText.Of(line));
            target?.Write(line + "\n");
            if (target is not null && host.Time.GetElapsedTime(flushed) >= FlushPeriod)
            {
                await target.FlushAsync(cancellationToken).ConfigureAwait(false);
                flushed = host.Time.GetTimestamp();
            }

            if (++count == most) break;
        }

        await host.Output.FlushAsync(cancellationToken).ConfigureAwait(false);
    }

    private static async IAsyncEnumerable<string> Live(
        CliHost host, Uri node, bool follow, EventPosition? since, string[] families, string[] kinds,
        [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellationToken)
    {
        string query = Query("family", families) + Query("kind", kinds);
        var feed = new EventFeed(node, query, host.Time)
        {
            OnGap = kind => host.Error.WriteLine(kind == "Restarted"
                ? "norikv: the node restarted: what it did last before that is not known; this is what it did since"
                : "norikv: events are missing here: more came than the node remembers"),
            OnLost = why => host.Error.WriteLine($"norikv: {why}; connecting again"),
        };
        IAsyncEnumerator<string> events = feed.ReadAsync(follow, since, cancellationToken).GetAsyncEnumerator(cancellationToken);
        await using (events.ConfigureAwait(false))
        {
            while (true)
            {
                try
                {
                    if (!await events.MoveNextAsync().ConfigureAwait(false)) yield break;
                }
                catch (WebSocketException failure)
                {
                    if (await RefusalAsync(node, query, cancellationToken).ConfigureAwait(false) is { } why) throw new UsageException(why);
                    throw new UnavailableException(
                        new KvError(KvCode.Unavailable, $"no events from {node.Authority}: {failure.Message}"), failure);
                }

                yield return events.Current;
            }
        }
    }

    // A handshake that is refused does not say why, but the same question without one does: a word that no event has, with those there are.
    private static async Task<string?> RefusalAsync(Uri node, string query, CancellationToken cancellationToken)
    {
        try
        {
            using var http = new HttpClient { BaseAddress = node, Timeout = RefusalMax };
            using HttpResponseMessage response = await http
                .GetAsync("/events?" + query.TrimStart('&'), cancellationToken).ConfigureAwait(false);
            if (response.StatusCode != HttpStatusCode.BadRequest) return null;
            string body = await response.Content.ReadAsStringAsync(cancellationToken).ConfigureAwait(false);
            using JsonDocument json = JsonDocument.Parse(body);
            return json.RootElement.GetProperty("message").GetString();
        }
        catch (Exception none) when (none is HttpRequestException or JsonException or KeyNotFoundException or InvalidOperationException
            || (none is OperationCanceledException && !cancellationToken.IsCancellationRequested))
        {
            return null;
        }
    }

    private static async IAsyncEnumerable<string> Replay(
        CliHost host, string file, double speed, string[] families, string[] kinds,
        [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellationToken)
    {
        if (speed is < 0 or double.NaN) throw new UsageException("--speed must not be negative");
        if (!File.Exists(file)) throw new UsageException($"there is no file {file}");
        using var reader = new StreamReader(file, Encoding.UTF8);
        DateTimeOffset? last = null;
        EventWordsSeen seenFamilies = new("family", families), seenKinds = new("kind", kinds);
        foreach (string line in Recorded(file, reader))
        {
            seenFamilies.See(line);
            seenKinds.See(line);
            if (!EventRecording.Matches(line, families, kinds)) continue;
            DateTimeOffset? at = EventRecording.TimeOf(line);
            if (speed > 0 && at > last) await Task.Delay((at - last).Value / speed, host.Time, cancellationToken).ConfigureAwait(false);
            last = at ?? last;
            yield return line;
        }

        foreach (EventWordsSeen seen in (EventWordsSeen[])[seenFamilies, seenKinds])
        {
            if (seen.Missing is { } missing) host.Error.WriteLine($"norikv: {missing}");
        }
    }

    private static IEnumerable<string> Recorded(string file, TextReader reader)
    {
        using IEnumerator<string> lines = EventRecording.Read(reader).GetEnumerator();
        while (true)
        {
            try
            {
                if (!lines.MoveNext()) yield break;
            }
            catch (InvalidDataException bad)
            {
                throw new UsageException($"{file}: {bad.Message}");
            }

            yield return lines.Current;
        }
    }

    private static string Query(string name, string[] words) =>
        words.Length == 0 ? "" : $"&{name}={string.Join(',', words.Select(Uri.EscapeDataString))}";

    private static string[] Split(string[]? values) =>
        [.. (values ?? []).SelectMany(static v => v.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))];

    private static Option<string[]> Words(string name, string description) =>
        new(name) { Description = description, HelpName = "word,…", AllowMultipleArgumentsPerToken = false };
}
