// Nori.Lsm beside RocksDB: see docs/performance.md. Run it by bench/run storage.
using Nori.RocksDb;
using Nori.Storage.Bench.Data;
using Nori.Storage.Bench.Engines;
using Nori.Storage.Bench.Peers;
using Nori.Storage.Bench.Reporting;
using Nori.Storage.Bench.Running;
using Nori.Storage.Bench.Workloads;

if (args is [MemoryRow.Command, ..]) return MemoryRow.RunChild(args[1..]);
if (args is ["-h" or "--help", ..])
{
    Console.WriteLine(BenchOptions.Usage);
    return 0;
}

if (BenchOptions.Parse(args, Console.Error) is not { } options) return 2;
if (!RocksDbLibrary.IsAvailable)
{
    Console.Error.WriteLine($"librocksdb is missing; install it with: {RocksDbLibrary.HowToInstall}");
    return 2;
}

if (Directory.Exists(options.Directory)) Directory.Delete(options.Directory, recursive: true);
if (options.Soak is { } soak)
{
    int code = SoakRun.Run(options.Directory, soak, options.SoakCpu);
    Directory.Delete(options.Directory, recursive: true);
    return code;
}

var report = new Report();
var bench = new Bench(options, report);
try
{
    report.Disk = DiskFigures.Measure(options.Directory, options.Quick);
    report.CompressionRatio = Values.MeasureRatio(100);
    var peer = new PeerEngine(bench.Fresh(EngineKind.Peer));
    report.CallCost = peer.MeasureCall();
    Bench.Remove(peer);
    report.PrintHead();
    FillRows.Run(bench);
    ReadRows.Run(bench);
    LatencyRows.Run(bench);
    WalRows.Run(bench);
    PauseRow.Run(bench);
    MemoryRow.Run(bench);
    DbBench.Check(options, report.Rows);
    OverwriteRow.Run(bench);
    YcsbRows.Run(bench);
    SizeRows.Run(bench);
    if (report.Rows.Any(row => row.DbBench is not null))
    {
        Console.WriteLine();
        Console.WriteLine("with db_bench's own figures:");
        Console.WriteLine(Table.Head);
        foreach (Row row in report.Rows) Console.WriteLine(Table.Line(row));
    }

    report.PrintTail();
    if (bench.LeftOut.Count > 0) Console.WriteLine($"left out for time: {string.Join("; ", bench.LeftOut)}");
}
finally
{
    Directory.Delete(options.Directory, recursive: true);
}

if (options.Json is { } json) ResultFile.Write(json, options, report);
if (options is { Results: { } folder, Quick: false, Only.Count: 0 })
{
    string name = $"storage-{(options.Short ? "short-" : "")}{report.Started:yyyyMMdd-HHmm}.json";
    ResultFile.Write(Path.Combine(folder, name), options, report);
}

return 0;
