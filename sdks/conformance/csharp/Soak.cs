using System.Text.Json.Nodes;
using NoriKV.Client;

namespace NoriKV.Conformance;

/// <summary>Writers against the nodes of NORIKV_ADDR until standard input ends; prints what they saw.</summary>
internal static class Soak
{
    public static async Task RunAsync(int count, string[] kinds)
    {
        await using NoriKVClient client = NoriKVClient.Connect(new NoriKVClientOptions { Deadline = TimeSpan.FromSeconds(10) });
        var writers = new Writers(client, new Data("soak/csharp"), count, kinds);
        await Console.In.ReadToEndAsync();
        await writers.DisposeAsync();
        Console.WriteLine(writers.Report("csharp").ToJsonString());
    }
}
