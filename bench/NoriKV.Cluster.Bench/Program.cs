// Three nodes of NoriKV beside three of etcd: see docs/performance.md. Run it by bench/run cluster.
using System.Runtime.InteropServices;
using NoriKV.Cluster.Bench;
using NoriKV.Cluster.Bench.Reporting;

if (args is ["-h" or "--help", ..])
{
    Console.WriteLine(BenchOptions.Usage);
    return 0;
}

if (BenchOptions.Parse(args, Console.Error) is not { } options) return 2;
using var stop = new CancellationTokenSource();
void Stop(PosixSignalContext signal)
{
    signal.Cancel = true;
    stop.Cancel();
}

using PosixSignalRegistration interrupted = PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop);
using PosixSignalRegistration terminated = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop);
var report = new Report(options);
try
{
    await ClusterBench.RunAsync(report, stop.Token);
    report.PrintTail();
    if (options.Json is { } file) ResultFile.Write(file, report);
    return 0;
}
catch (OperationCanceledException) when (stop.IsCancellationRequested)
{
    Console.Error.WriteLine("stopped");
    return 130;
}
finally
{
    if (Directory.Exists(options.Directory)) Directory.Delete(options.Directory, recursive: true);
}
