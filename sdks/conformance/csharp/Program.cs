using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using NoriKV.Client.Testing;
using NoriKV.Conformance;

// The conformance suite by the C# client: see ../README.md. Ends with 1 when a scenario failed.
if (args is ["soak", string count, string kinds])
{
    await Soak.RunAsync(int.Parse(count, CultureInfo.InvariantCulture), kinds.Split(','));
    return 0;
}

if (args is ["orphan", string how])
{
    await Orphan.RunAsync(how);
    return 0;
}

if (args is ["bench", string length, string warmUp])
{
    await Bench.RunAsync(
        TimeSpan.FromSeconds(double.Parse(length, CultureInfo.InvariantCulture)),
        TimeSpan.FromSeconds(double.Parse(warmUp, CultureInfo.InvariantCulture)));
    return 0;
}

string root = args.Length > 0 ? args[0] : FindRoot();
string[] only = (Environment.GetEnvironmentVariable("NORIKV_CONFORMANCE_ONLY") ?? "")
    .Split(',', StringSplitOptions.RemoveEmptyEntries);
var results = new JsonArray();
bool failed = false;
EphemeralServer? shared = null;
Cluster? cluster = null; // for all scenarios that want the same
try
{
    foreach (string file in Directory.GetFiles(Path.Combine(root, "scenarios"), "*.json").Order(StringComparer.Ordinal))
    {
        using JsonDocument document = JsonDocument.Parse(await File.ReadAllBytesAsync(file));
        foreach (JsonElement scenario in document.RootElement.GetProperty("scenarios").EnumerateArray())
        {
            string name = scenario.GetProperty("name").GetString()!;
            if (only.Length > 0 && !only.Contains(name)) continue;
            long begun = Stopwatch.GetTimestamp();
            (string status, string detail) = await RunAsync(scenario, name);
            failed |= status == "failed";
            long ms = (long)Stopwatch.GetElapsedTime(begun).TotalMilliseconds;
            Console.WriteLine($"{status,-12} {name} ({ms} ms){(detail.Length > 0 ? ": " + detail : "")}");
            results.Add(new JsonObject
            {
                ["scenario"] = name, ["status"] = status, ["detail"] = detail, ["ms"] = ms,
            });
        }
    }
}
finally
{
    await CloseSharedAsync(ofNodes: false);
    await CloseSharedAsync(ofNodes: true);
}

if (Environment.GetEnvironmentVariable("NORIKV_CONFORMANCE_RESULTS") is { Length: > 0 } path)
    await File.WriteAllTextAsync(path, new JsonObject { ["language"] = "csharp", ["results"] = results }.ToJsonString());
return failed ? 1 : 0;

async Task<(string Status, string Detail)> RunAsync(JsonElement scenario, string name)
{
    bool has = scenario.TryGetProperty("server", out JsonElement wanted);
    bool several = has && wanted.TryGetProperty("nodes", out _);
    EphemeralServer? own = null;
    try
    {
        if (several) await ClusterAsync(wanted);
        else if (has) own = await EphemeralServer.StartAsync(OptionsOf(wanted));
        else shared ??= await EphemeralServer.StartAsync();
        await using var run = new ScenarioRun(root, name, own ?? shared, several ? cluster : null, scenario);
        await run.RunAsync();
        return ("passed", "");
    }
#pragma warning disable CA1031 // Whatever a scenario ends with is its result.
    catch (Exception e)
#pragma warning restore CA1031
    {
        // Perhaps it is stopped or frozen: the next scenario gets another.
        if (own is null) await CloseSharedAsync(several);
        return ("failed", e is ExpectationException ? e.Message : e.ToString());
    }
    finally
    {
        if (own is not null) await own.DisposeAsync();
    }
}

EphemeralServerOptions OptionsOf(JsonElement wanted)
{
    var options = new EphemeralServerOptions
    {
        Configuration = wanted.GetProperty("settings").GetRawText().Replace("{root}", Path.GetFullPath(root), StringComparison.Ordinal),
    };
    return wanted.TryGetProperty("scripted", out _)
        ? options with { Command = ["/usr/bin/python3", Path.Combine(Path.GetFullPath(root), "scripted.py")] }
        : options;
}

async Task ClusterAsync(JsonElement wanted)
{
    if (cluster?.Wanted != wanted.GetRawText())
    {
        await CloseSharedAsync(ofNodes: true);
        cluster = await Cluster.StartAsync(root, wanted);
    }

    await cluster.TellAsync("start stopped");
}

async Task CloseSharedAsync(bool ofNodes)
{
    if (ofNodes && cluster is not null)
    {
        await cluster.DisposeAsync();
        cluster = null;
    }

    if (!ofNodes && shared is not null)
    {
        await shared.DisposeAsync();
        shared = null;
    }
}

static string FindRoot()
{
    DirectoryInfo? folder = new(AppContext.BaseDirectory);
    while (folder is not null && !Directory.Exists(Path.Combine(folder.FullName, "scenarios"))) folder = folder.Parent;
    return folder?.FullName ?? throw new DirectoryNotFoundException("scenarios/ is not above the program: name its folder");
}
