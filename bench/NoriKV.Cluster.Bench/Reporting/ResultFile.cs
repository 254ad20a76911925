using System.Text.Json;
using System.Text.Json.Nodes;
using NoriKV.Cluster.Bench.Load;

namespace NoriKV.Cluster.Bench.Reporting;

/// <summary>A run as JSON, in the form of bench/run storage: {"rows":[{"workload","ours","peer","ratio",…}],"disk":{…},…}.</summary>
internal static class ResultFile
{
    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true };

    public static void Write(string path, Report report)
    {
        if (Path.GetDirectoryName(path) is { Length: > 0 } folder) Directory.CreateDirectory(folder);
        File.WriteAllText(path, ToJson(report).ToJsonString(Indented) + "\n");
    }

    private static JsonObject ToJson(Report report) => new()
    {
        ["date"] = report.Started.ToString("yyyy-MM-ddTHH:mm:ssZ"),
        ["commit"] = report.Options.Commit,
        ["quick"] = report.Options.Quick,
        ["machine"] = new JsonObject
        {
            ["cores"] = Environment.ProcessorCount,
            ["loadAtStart"] = report.LoadAtStart,
            ["loadAtEnd"] = Report.Load(),
        },
        ["disk"] = new JsonObject
        {
            ["appendAndFdatasyncPerSecond"] = Rounded(report.Disk.SyncsPerSecond),
            ["sequentialWriteBytesPerSecond"] = Rounded(report.Disk.BytesPerSecond),
        },
        ["peer"] = "etcd 3 nodes, h2load",
        ["seconds"] = Rounded(report.Elapsed.TotalSeconds),
        ["rows"] = new JsonArray([.. report.Rows.Select(static row => (JsonNode)ToJson(row))]),
    };

    private static JsonObject ToJson(Row row)
    {
        var json = new JsonObject
        {
            ["workload"] = row.Workload,
            ["unit"] = row.Unit,
            ["ours"] = Rounded(row.OursMedian),
            ["peer"] = Rounded(row.PeerMedian),
            ["ratio"] = Rounded(row.Ratio),
        };
        if (row.Goal is { } goal) (json["goal"], json["holds"]) = (goal.ToString(), row.Holds);
        json["oursRuns"] = new JsonArray([.. row.OursRuns.Select(Rounded)]);
        json["peerRuns"] = new JsonArray([.. row.PeerRuns.Select(Rounded)]);
        Beside(json, "ours", row.Ours);
        Beside(json, "peer", row.Peer);
        if (row.Note is { } note) json["note"] = note;
        return json;
    }

    private static void Beside(JsonObject json, string side, IReadOnlyList<Measured> runs)
    {
        if (runs.Count == 0) return;
        json[side + "MeanMs"] = Rounded(Row.Beside(runs, static m => m.MeanMs));
        json[side + "P95Ms"] = Rounded(Row.Beside(runs, static m => m.P95Ms));
        json[side + "CpuMicros"] = Rounded(Row.Beside(runs, static m => m.NodesMicros));
        json[side + "LoadCpuMicros"] = Rounded(Row.Beside(runs, static m => m.LoadMicros));
    }

    private static JsonNode? Rounded(double value) =>
        double.IsNaN(value) ? null : Math.Abs(value) >= 1000 ? Math.Round(value) : Math.Round(value, 3);
}
