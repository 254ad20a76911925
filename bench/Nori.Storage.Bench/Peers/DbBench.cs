using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;
using Nori.Storage.Bench.Reporting;
using Nori.Storage.Bench.Running;
using Nori.Storage.Bench.Workloads;

namespace Nori.Storage.Bench.Peers;

/// <summary>
/// RocksDB's own benchmark on the rows that it has: when the harness's figure for the peer lies far below it, the
/// harness is what is slow.
/// </summary>
internal static partial class DbBench
{
    // A quick run ends in time whatever db_bench does: for all its runs together.
    private static readonly TimeSpan QuickLimit = TimeSpan.FromSeconds(35);

    private static long _started;

    public static void Check(BenchOptions options, IReadOnlyList<Row> rows)
    {
        _started = Stopwatch.GetTimestamp();
        if (!options.WithDbBench || !rows.Any(row => Names.Contains(row.Workload))) return;
        string directory = Path.Combine(options.Directory, "db_bench");
        Directory.CreateDirectory(directory);
        try
        {
            Run(options, rows, directory);
        }
        catch (System.ComponentModel.Win32Exception)
        {
            Console.WriteLine("db_bench is missing (apt-get install rocksdb-tools): no check against it");
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }

    private static readonly string[] Names =
    [
        FillRows.Sequential, FillRows.Random, FillRows.Large, FillRows.SyncOne, FillRows.SyncMany, ReadRows.One,
        ReadRows.Two, ReadRows.Sequential, ReadRows.Seek, ReadRows.WhileWriting,
    ];

    private static void Run(BenchOptions options, IReadOnlyList<Row> rows, string directory)
    {
        int reads = options.Quick ? 200_000 : options.Keys;
        Set(FillRows.Sequential, "fillseq", $"--num={options.Keys}");
        Set(FillRows.Large, "fillrandom", $"--num={options.LargeKeys} --value_size=1024");
        Set(FillRows.SyncOne, "fillrandom", $"--num={options.SyncWrites} --sync=1");
        Set(FillRows.SyncMany, "fillrandom", $"--num={options.SyncWrites} --sync=1 --threads=16");
        bool reading = rows.Any(row => row.Workload is ReadRows.One or ReadRows.Two or ReadRows.Sequential
            or ReadRows.Seek or ReadRows.WhileWriting);
        string keys = $"--num={options.Keys} --reads={reads} --seek_nexts=10";
        if (!reading) Set(FillRows.Random, "fillrandom", keys);
        if (!reading) return;

        // The first readrandom fills the cache.
        Dictionary<string, double> found = Run(
            options, directory, "fillrandom,compact,readrandom,readrandom,readseq,seekrandom,readwhilewriting", keys);
        Put(FillRows.Random, found, "fillrandom");
        Put(ReadRows.One, found, "readrandom");
        Put(ReadRows.Sequential, found, "readseq");
        Put(ReadRows.Seek, found, "seekrandom");
        Put(ReadRows.WhileWriting, found, "readwhilewriting");
        found = Run(options, directory, "compact,readrandom,readrandom", keys + " --use_existing_db=1 --threads=2");
        Put(ReadRows.Two, found, "readrandom");

        void Set(string workload, string benchmark, string more)
        {
            if (rows.Any(row => row.Workload == workload))
                Put(workload, Run(options, directory, benchmark, more), benchmark);
        }

        void Put(string workload, Dictionary<string, double> figures, string benchmark)
        {
            foreach (Row row in rows)
                if (row.Workload == workload && figures.TryGetValue(benchmark, out double rate)) row.DbBench = rate;
        }
    }

    private static Dictionary<string, double> Run(BenchOptions options, string directory, string benchmarks, string more)
    {
        TimeSpan left = QuickLimit - Stopwatch.GetElapsedTime(_started);
        if (options.Quick && left <= TimeSpan.Zero) return [];
        string arguments = $"--benchmarks={benchmarks} --db={directory} --key_size=16 --compression_type=lz4 "
            + "--bloom_bits=10 --cache_size=1073741824 --max_background_jobs=2 --seed=1 "
            + $"--write_buffer_size={options.WriteBufferBytes} " + more;
        using Process process = Process.Start(new ProcessStartInfo("db_bench", arguments)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
        process.ErrorDataReceived += (_, _) => { };
        process.BeginErrorReadLine();
        using var timer = new Timer(_ => process.Kill(), null, options.Quick ? left : Timeout.InfiniteTimeSpan,
            Timeout.InfiniteTimeSpan);
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        var figures = new Dictionary<string, double>();
        foreach (Match match in Figure().Matches(output))
            figures[match.Groups[1].Value] = double.Parse(match.Groups[2].Value, CultureInfo.InvariantCulture);
        return figures;
    }

    [GeneratedRegex(@"^(\w+)\s*:.*?(\d+) ops/sec", RegexOptions.Multiline)]
    private static partial Regex Figure();
}
