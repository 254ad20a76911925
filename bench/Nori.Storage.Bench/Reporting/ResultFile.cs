using System.Text.Json;
using System.Text.Json.Nodes;
using Nori.Storage.Bench.Running;

namespace Nori.Storage.Bench.Reporting;

/// <summary>A run as JSON: {"rows":[{"workload","ours","peer","ratio",…}],"disk":{…},"commit","date",…}.</summary>
internal static class ResultFile
{
    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true };

    public static void Write(string path, BenchOptions options, Report report)
    {
        if (Path.GetDirectoryName(path) is { Length: > 0 } folder) Directory.CreateDirectory(folder);
        File.WriteAllText(path, ToJson(options, report).ToJsonString(Indented) + "\n");
    }

    private static JsonObject ToJson(BenchOptions options, Report report)
    {
        var rows = new JsonArray();
        foreach (Row row in report.Rows) rows.Add(ToJson(row));
        return new JsonObject
        {
            ["date"] = report.Started.ToString("yyyy-MM-ddTHH:mm:ssZ"),
            ["commit"] = options.Commit,
            ["quick"] = options.Quick,
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
            ["peer"] = "RocksDB through its C API",
            ["valuesCompressTo"] = Rounded(report.CompressionRatio),
            ["bindingCallNanoseconds"] = new JsonObject
            {
                ["withTransition"] = Rounded(report.CallCost.WithTransition),
                ["without"] = Rounded(report.CallCost.Without),
            },
            ["seconds"] = Rounded(report.Elapsed.TotalSeconds),
            ["rows"] = rows,
            ["histograms"] = new JsonArray([.. report.Histograms.Select(pair => (JsonNode)new JsonObject
            {
                ["name"] = pair.Name,
                ["buckets"] = pair.Times.ToJson(),
            })]),
        };
    }

    private static JsonObject ToJson(Row row)
    {
        var json = new JsonObject
        {
            ["workload"] = row.Workload,
            ["unit"] = row.Unit,
            ["ours"] = Rounded(row.Ours),
            ["peer"] = double.IsNaN(row.Peer) ? null : Rounded(row.Peer),
            ["ratio"] = double.IsNaN(row.Ratio) ? null : Rounded(row.Ratio),
        };
        if (row.Goal is not null) (json["goal"], json["holds"]) = (row.GoalText, row.Holds);
        json["oursRuns"] = new JsonArray([.. row.OursRuns.Select(run => JsonValue.Create(Rounded(run)))]);
        json["peerRuns"] = new JsonArray([.. row.PeerRuns.Select(run => JsonValue.Create(Rounded(run)))]);
        if (row.OursCpu is { } oursCpu) json["oursCpuMicros"] = Rounded(oursCpu);
        if (row.PeerCpu is { } peerCpu) json["peerCpuMicros"] = Rounded(peerCpu);
        if (row.DbBench is { } check) json["dbBench"] = Rounded(check);
        if (row.BindingShare is { } share) json["bindingShare"] = Rounded(share);
        if (row.Note is { } note) json["note"] = note;
        return json;
    }

    private static double Rounded(double value) => Math.Abs(value) >= 1000 ? Math.Round(value) : Math.Round(value, 3);
}
