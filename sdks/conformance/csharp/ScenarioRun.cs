using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json;
using NoriKV.Client;
using NoriKV.Client.Testing;
using NoriKV.Types;

namespace NoriKV.Conformance;

/// <summary>One scenario: its client, what it saved, its steps one after the other.</summary>
internal sealed class ScenarioRun : IAsyncDisposable
{
    private const int DeadlineMs = 30_000;

    private readonly string _root;
    private readonly EphemeralServer? _server;
    private readonly Cluster? _cluster;
    private readonly JsonElement _scenario;
    private readonly Data _data;
    private readonly Dictionary<string, object> _saved = [];
    private readonly Expectation _expectation;
    private readonly Background _begun;
    private NoriKVClient _client;
    private Writers? _writers;
    private Scanner? _scanner;
    private IAsyncEnumerator<ClusterView>? _watch;
    private TcpListener? _silent;
    private TcpListener? _occupied;

    /// <summary>Against one server or a cluster.</summary>
    public ScenarioRun(string root, string name, EphemeralServer? server, Cluster? cluster, JsonElement scenario)
    {
        (_root, _server, _cluster, _scenario, _data) = (root, server, cluster, scenario, new Data(name));
        _expectation = new Expectation(_data, _saved);
        _begun = new Background(TryAsync, _expectation);
        _client = Connect(scenario.TryGetProperty("client", out JsonElement client) ? client : default);
    }

    public async Task RunAsync()
    {
        int number = 0;
        foreach (JsonElement step in _scenario.GetProperty("steps").EnumerateArray())
        {
            number++;
            try
            {
                await StepAsync(step);
            }
            catch (Exception e) when (e is ExpectationException or NoriKVException)
            {
                throw new ExpectationException($"step {number} ({step.GetProperty("do").GetString()}): {e.Message}");
            }
        }
    }

    public async ValueTask DisposeAsync()
    {
        _begun.Dispose();
        if (_writers is not null) await _writers.DisposeAsync();
        if (_scanner is not null) await _scanner.DisposeAsync();
        if (_watch is not null) await _watch.DisposeAsync();
        await _client.DisposeAsync();
        _silent?.Dispose();
        _occupied?.Dispose();
    }

    private NoriKVClient Connect(JsonElement options)
    {
        bool has = options.ValueKind == JsonValueKind.Object;
        long deadline = has && options.TryGetProperty("deadline_ms", out JsonElement ms) ? ms.GetInt64() : DeadlineMs;
        bool retries = !has || !options.TryGetProperty("retries", out JsonElement r) || r.GetBoolean();
        bool smart = !has || !options.TryGetProperty("smart_routing", out JsonElement s) || s.GetBoolean();
        return NoriKVClient.Connect(new NoriKVClientOptions
        {
            Addresses = Addresses(options),
            Deadline = TimeSpan.FromMilliseconds(deadline),
            Retry = has && options.TryGetProperty("attempts", out JsonElement most) ? new RetryPolicy { AttemptsMax = most.GetInt32() }
                : retries ? new RetryPolicy()
                : RetryPolicy.None,
            SmartRouting = smart,
            InFlightMax = has && options.TryGetProperty("in_flight_max", out JsonElement places) ? places.GetInt32() : 1024,
            Tls = has && options.TryGetProperty("tls", out JsonElement file) ? Trusting(file.GetString()!, options) : null,
        });
    }

    private ClientTlsOptions Trusting(string file, JsonElement options)
    {
        var roots = new X509Certificate2Collection();
        roots.ImportFromPemFile(Path.Combine(_root, file));
        return new ClientTlsOptions
        {
            TrustedRoots = roots,
            ServerName = options.TryGetProperty("server_name", out JsonElement name) ? name.GetString() : null,
        };
    }

    private string[] Addresses(JsonElement options)
    {
        IReadOnlyList<string> own = _cluster?.Addresses ?? [_server!.Address];
        return options.ValueKind == JsonValueKind.Object && options.TryGetProperty("addresses", out JsonElement names)
            ? [.. names.EnumerateArray().SelectMany(n => n.GetString() switch
            {
                "server" => own,
                "silent" => [SilentAddress()],
                string name => [name],
                null => throw new ExpectationException("an address is a text"),
            })]
            : [.. own];
    }

    // It takes connections and says nothing: nobody accepts them.
    private string SilentAddress()
    {
        if (_silent is null)
        {
            _silent = new TcpListener(IPAddress.Loopback, 0);
            _silent.Start();
        }

        return _silent.LocalEndpoint.ToString()!;
    }

    private async Task StepAsync(JsonElement step)
    {
        string name = step.GetProperty("do").GetString()!;
        if (step.TryGetProperty("node", out JsonElement node))
        {
            await _cluster!.TellAsync($"{name} {node}{(node.ToString() == "leading" ? " " + Hex(step) : "")}");
            return;
        }

        switch (name)
        {
            case "transfer":
                await _cluster!.TellAsync(
                    step.TryGetProperty("key", out _) ? $"transfer key {Hex(step)}" : $"transfer shards {step.GetProperty("shards")}");
                return;
            case "stop":
                await _server!.StopAsync();
                return;
            case "kill":
                await _server!.KillAsync();
                return;
            case "start" when step.TryGetProperty("fails", out _):
                await FailToStartAsync();
                return;
            case "start":
                await _server!.StartAgainAsync();
                return;
            case "occupy":
                _occupied = new TcpListener(IPEndPoint.Parse(_server!.Address));
                _occupied.Start();
                return;
            case "free":
                _occupied!.Stop();
                return;
            case "orphan":
                await Orphan.OutlivedAsync(step.GetProperty("how").GetString()!);
                return;
            case "restart":
                await _server!.StopAsync();
                await _server!.StartAgainAsync();
                return;
            case "pause":
                await SignalAsync("STOP");
                // The signal is under way when kill ends: a thread that runs on may still answer.
                while (!AllThreadsStand(_server!.ProcessId)) await Task.Delay(TimeSpan.FromMilliseconds(5), TimeProvider.System);
                return;
            case "resume":
                await SignalAsync("CONT");
                return;
            case "many":
                await ManyAsync(step);
                return;
            case "start_writing":
                _writers = new Writers(
                    _client,
                    _data,
                    step.GetProperty("writers").GetInt32(),
                    step.TryGetProperty("kinds", out JsonElement kinds) ? Texts(kinds) : ["put"]);
                return;
            case "written":
                await _writers!.WrittenAsync(step.GetProperty("more").GetInt32());
                return;
            case "stop_writing":
                await _writers!.StopAsync(step.GetProperty("more").GetInt32(), step.GetProperty("expect"));
                return;
            case "start_scanning":
                _scanner = new Scanner(
                    _client, _data.Key(step.GetProperty("prefix"), ""), _data.Keys(step.GetProperty("expect_keys")));
                return;
            case "stop_scanning":
                await _scanner!.StopAsync(step.GetProperty("more").GetInt32(), step.GetProperty("expect"));
                return;
            case "begin":
                _begun.Begin(step);
                return;
            case "cancel":
                await _begun.CancelAsync(step);
                return;
            case "end":
                await _begun.EndAsync(step);
                return;
            case "printed":
                await Background.PrintedAsync(_server!, Texts(step.GetProperty("lines")));
                return;
            case "hash_vectors":
                HashVectors.Check(Path.Combine(_root, step.GetProperty("file").GetString()!));
                return;
            default:
                await OneAsync(step, "");
                return;
        }
    }

    private async Task FailToStartAsync()
    {
        try
        {
            await _server!.StartAgainAsync();
        }
        catch (InvalidOperationException)
        {
            return;
        }

        throw new ExpectationException("it started");
    }

    private static string[] Texts(JsonElement texts) => [.. texts.EnumerateArray().Select(t => t.GetString()!)];

    private string Hex(JsonElement step) => Convert.ToHexStringLower(_data.Key(step.GetProperty("key"), ""));

    private async Task ManyAsync(JsonElement many)
    {
        JsonElement step = many.GetProperty("step");
        string digits = "D" + (many.TryGetProperty("digits", out JsonElement d) ? d.GetInt32() : 1);
        bool judgedTogether = many.TryGetProperty("expect", out JsonElement expect);
        Outcome[] outcomes = await Task.WhenAll(Enumerable.Range(0, many.GetProperty("count").GetInt32()).Select(i =>
        {
            string number = i.ToString(digits, CultureInfo.InvariantCulture);
            return judgedTogether ? TryAsync(step, number) : OneAsync(step, number);
        }));
        if (!judgedTogether) return;
        int succeeded = outcomes.Count(o => o.Error is null);
        foreach (Outcome o in outcomes.Where(o => o.Error is not null))
        {
            if (!Expectation.Names(expect.GetProperty("errors"), o.Error!.Code))
                throw new ExpectationException($"one of the many ended with {o.Error.Code.ToWire()}: {o.Error.Message}");
        }

        if (expect.TryGetProperty("succeeded", out JsonElement exactly) && succeeded != exactly.GetInt32())
            throw new ExpectationException($"{succeeded} succeeded, not {exactly.GetInt32()}");
        if (expect.TryGetProperty("succeeded_at_least", out JsonElement least) && succeeded < least.GetInt32())
            throw new ExpectationException($"only {succeeded} succeeded");
    }

    private async Task<Outcome> OneAsync(JsonElement step, string number)
    {
        Outcome outcome;
        if (step.TryGetProperty("until", out JsonElement until))
        {
            long begun = Stopwatch.GetTimestamp();
            do
            {
                outcome = await TryAsync(step, number);
                if (_expectation.Differs(outcome, until, number) is null) return outcome;
                await Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System);
            }
            while (Stopwatch.GetElapsedTime(begun).TotalMilliseconds < step.GetProperty("within_ms").GetInt64());
            throw new ExpectationException($"never came to {until.GetRawText()}");
        }

        outcome = await TryAsync(step, number);
        if (_expectation.Differs(outcome, step.TryGetProperty("expect", out JsonElement e) ? e : default, number) is { } wrong)
            throw new ExpectationException(wrong);
        if (step.TryGetProperty("save", out JsonElement name))
            _saved[name.GetString()!] = outcome.Pairs is null ? outcome.Version : outcome.Token;
        return outcome;
    }

    private Task<Outcome> TryAsync(JsonElement step, string number) => TryAsync(step, number, CancellationToken.None);

    private async Task<Outcome> TryAsync(JsonElement step, string number, CancellationToken token)
    {
        long begun = Stopwatch.GetTimestamp();
        Outcome outcome;
        try
        {
            outcome = step.GetProperty("do").GetString() is "client" or "close"
                ? await ReplaceAsync(step)
                : await OperateAsync(step, number, token);
        }
        catch (NoriKVException e)
        {
            outcome = Outcome.Of(e);
        }
        catch (OperationCanceledException) when (token.IsCancellationRequested)
        {
            outcome = new Outcome { Cancelled = true };
        }
        catch (ObjectDisposedException e)
        {
            // As every .NET class says it of a call behind its disposal.
            outcome = new Outcome { Error = new KvError(KvCode.Cancelled, e.Message) };
        }

        return outcome with { Took = Stopwatch.GetElapsedTime(begun) };
    }

    private async Task<Outcome> ReplaceAsync(JsonElement step)
    {
        await _client.DisposeAsync();
        if (step.GetProperty("do").GetString() == "client") _client = Connect(step);
        return new Outcome();
    }

    private Task<Outcome> OperateAsync(JsonElement step, string number, CancellationToken token)
    {
        NoriKVClient client = step.TryGetProperty("deadline_ms", out JsonElement ms)
            ? _client.WithDeadline(TimeSpan.FromMilliseconds(ms.GetInt64()))
            : _client;
        return new Operations(client, _data, _saved, token).RunAsync(step, number, WatchAsync);
    }

    private async Task<ClusterView> WatchAsync(bool newer)
    {
        if (!newer)
        {
            _watch = _client.WatchClusterAsync().GetAsyncEnumerator();
            await _watch.MoveNextAsync();
            return _watch.Current;
        }

        ulong epoch = _watch!.Current.Epoch;
        do await _watch.MoveNextAsync().AsTask().WaitAsync(TimeSpan.FromSeconds(60));
        while (_watch.Current.Epoch <= epoch || _watch.Current.Shards.Any(s => s.Replicas.All(r => !r.IsLeader)));
        return _watch.Current;
    }

    private static bool AllThreadsStand(int process) => Directory.GetDirectories($"/proc/{process}/task")
        .Select(task => File.ReadAllText(Path.Combine(task, "stat")))
        .All(stat => stat[stat.LastIndexOf(')') + 2] == 'T');

    private async Task SignalAsync(string signal)
    {
        using Process kill = Process.Start("kill", [$"-{signal}", _server!.ProcessId.ToString(CultureInfo.InvariantCulture)]);
        await kill.WaitForExitAsync();
    }
}
