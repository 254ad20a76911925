using System.Diagnostics;
using System.Text.Json;
using System.Text.Json.Nodes;
using NoriKV.Client.Testing;
using NoriKV.Conformance;

// The conformance suite by the C# client: see ../README.md. Ends with 1 when a scenario failed.
string root = args.Length > 0 ? args[0] : FindRoot();
string[] only = (Environment.GetEnvironmentVariable("NORIKV_CONFORMANCE_ONLY") ?? "")
    .Split(',', StringSplitOptions.RemoveEmptyEntries);
var results = new JsonArray();
bool failed = false;
EphemeralServer? shared = null;
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
            (string status, string detail) = scenario.TryGetProperty("needs", out JsonElement needs)
                ? ("not_runnable", $"needs a {needs.GetString()}")
                : await RunAsync(scenario, name);
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
    if (shared is not null) await shared.DisposeAsync();
}

if (Environment.GetEnvironmentVariable("NORIKV_CONFORMANCE_RESULTS") is { Length: > 0 } path)
    await File.WriteAllTextAsync(path, new JsonObject { ["language"] = "csharp", ["results"] = results }.ToJsonString());
return failed ? 1 : 0;

async Task<(string Status, string Detail)> RunAsync(JsonElement scenario, string name)
{
    EphemeralServer? own = null;
    try
    {
        if (scenario.TryGetProperty("server", out JsonElement server))
        {
            own = await EphemeralServer.StartAsync(new EphemeralServerOptions
            {
                Configuration = server.TryGetProperty("settings", out JsonElement settings) ? settings.GetRawText() : null,
            });
        }
        else
        {
            shared ??= await EphemeralServer.StartAsync();
        }

        await using var run = new ScenarioRun(root, name, own ?? shared!, scenario);
        await run.RunAsync();
        return ("passed", "");
    }
#pragma warning disable CA1031 // Whatever a scenario ends with is its result.
    catch (Exception e)
#pragma warning restore CA1031
    {
        // Perhaps it is stopped or frozen: the next scenario gets another.
        if (own is null && shared is not null)
        {
            await shared.DisposeAsync();
            shared = null;
        }

        return ("failed", e is ExpectationException ? e.Message : e.ToString());
    }
    finally
    {
        if (own is not null) await own.DisposeAsync();
    }
}

static string FindRoot()
{
    DirectoryInfo? folder = new(AppContext.BaseDirectory);
    while (folder is not null && !Directory.Exists(Path.Combine(folder.FullName, "scenarios"))) folder = folder.Parent;
    return folder?.FullName ?? throw new DirectoryNotFoundException("scenarios/ is not above the program: name its folder");
}
