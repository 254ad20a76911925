using System.Text.Json.Nodes;
using NoriKV.Client;

namespace NoriKV.Conformance;

/// <summary>Writers against the nodes of NORIKV_ADDR for so long; prints what they saw.</summary>
internal static class Soak
{
    public static async Task RunAsync(int seconds, int count)
    {
        string[] addresses = Environment.GetEnvironmentVariable("NORIKV_ADDR")!.Split(',');
        await using NoriKVClient client = NoriKVClient.Connect(new NoriKVClientOptions
        {
            Addresses = addresses,
            Deadline = TimeSpan.FromSeconds(10),
        });
        var writers = new Writers(client, new Data("soak/csharp"), count);
        await Task.Delay(TimeSpan.FromSeconds(seconds), TimeProvider.System);
        await writers.DisposeAsync();
        Console.WriteLine(writers.Report("csharp").ToJsonString());
    }
}
