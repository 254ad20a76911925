using BenchmarkDotNet.Running;
using Nori.Observe.Bench;

// bench/run observe: single operations beside their budgets, then a node with everything on beside one with everything off.
// --quick: the single operations only, two seconds. Without either: BenchmarkDotNet.
if (args is ["-h" or "--help", ..])
{
    Console.WriteLine(ObserveOptions.Usage);
    return 0;
}

if (args.Contains("--quick")) return QuickRun.Print(QuickRun.Run()) ? 0 : 1;
if (args.Contains("--overhead"))
{
    return ObserveOptions.Parse([.. args.Where(static a => a != "--overhead")], Console.Error) is { } options
        ? await OverheadRun.RunAsync(options)
        : 2;
}

BenchmarkRunner.Run<HotPathBenchmarks>(args: args);
return 0;
