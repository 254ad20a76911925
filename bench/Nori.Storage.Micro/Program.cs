// Microbenchmarks of the storage engine's hot paths and codecs: bench/run micro, see bench/README.md.
using BenchmarkDotNet.Configs;
using BenchmarkDotNet.Jobs;
using BenchmarkDotNet.Running;
using BenchmarkDotNet.Toolchains.InProcess.Emit;

// In this process: nothing is generated and built while measuring.
Job job = (args.Contains("--quick") ? Job.ShortRun : Job.MediumRun).WithToolchain(InProcessEmitToolchain.Instance);
ManualConfig config = DefaultConfig.Instance.AddJob(job);
string[] rest = [.. args.Where(arg => arg != "--quick")];
if (!rest.Contains("--filter")) rest = [.. rest, "--filter", "*"];
BenchmarkSwitcher.FromAssembly(typeof(Program).Assembly).Run(rest, config);
