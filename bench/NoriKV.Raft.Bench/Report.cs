using System.Text.Json;
using System.Text.Json.Nodes;
using Nori.Storage.Bench.Reporting;

namespace NoriKV.Raft.Bench;

/// <summary>The table as it grows, and the file at the end.</summary>
internal sealed class Report(BenchOptions options)
{
    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true };
    private readonly List<Row> _rows = [];
    private readonly DateTime _began = DateTime.UtcNow;
    private DiskFigures _disk;

    public void PrintHead()
    {
        _disk = DiskFigures.Measure(options.Directory, options.Quick);
        Console.WriteLine($"commit {options.Commit}, {Environment.ProcessorCount} cores shared by all nodes and the load");
        Console.WriteLine(
            $"disk: {_disk.SyncsPerSecond:N0} appends with fdatasync a second, {_disk.BytesPerSecond / 1e6:N0} MB/s");
    }

    public void Add(Row row)
    {
        _rows.Add(row);
        Console.WriteLine(row);
    }

    public void Finish()
    {
        if (options.Json is not { } path) return;
        var json = new JsonObject
        {
            ["date"] = _began.ToString("yyyy-MM-ddTHH:mm:ssZ"),
            ["commit"] = options.Commit,
            ["disk"] = new JsonObject
            {
                ["appendAndFdatasyncPerSecond"] = _disk.SyncsPerSecond,
                ["sequentialWriteBytesPerSecond"] = _disk.BytesPerSecond,
            },
            ["rows"] = new JsonArray([.. _rows.Select(static row => (JsonNode)new JsonObject(
                [new("workload", row.Name), .. row.Figures.Select(f => KeyValuePair.Create(f.Figure, (JsonNode?)f.Value))]))]),
        };
        File.WriteAllText(path, json.ToJsonString(Indented) + "\n");
    }
}
