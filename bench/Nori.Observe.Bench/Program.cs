using BenchmarkDotNet.Running;
using Nori.Observe.Bench;

// With --quick: two seconds, one table, exit code 1 when a budget is missed. Without: BenchmarkDotNet.
if (args.Contains("--quick")) return QuickRun.Run();
BenchmarkRunner.Run<HotPathBenchmarks>(args: args);
return 0;
