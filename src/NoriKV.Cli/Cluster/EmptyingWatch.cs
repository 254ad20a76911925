using NoriKV.Cli.Console;
using NoriKV.Client;
using NoriKV.Node.Meta;

namespace NoriKV.Cli.Cluster;

/// <summary>Waits until a node holds no replica any more and shows how many are left. Leaders may change meanwhile.</summary>
internal sealed class EmptyingWatch(IClusterCalls cluster, CliHost host, bool quiet)
{
    private static readonly TimeSpan Period = TimeSpan.FromMilliseconds(500);

    /// <summary>Questions that fail one after the other before it gives up: a minute of elections is no reason to.</summary>
    private const int FailuresMax = 20;

    /// <summary>Nothing moved for so long: it is said once where to look.</summary>
    private static readonly TimeSpan StuckAfter = TimeSpan.FromSeconds(30);

    /// <summary>Returns what the cluster is like when it is empty.</summary>
    /// <param name="name">The node.</param>
    /// <param name="begun">The cluster as the wish was answered.</param>
    /// <param name="cancellationToken">The user gives up; what is under way goes on.</param>
    public async Task<ClusterFacts> RunAsync(string name, ClusterFacts begun, CancellationToken cancellationToken)
    {
        var progress = new ProgressLine(host, "moved", quiet, "replicas");
        int all = LeftOn(begun, name), best = all;
        long movedAt = host.Time.GetTimestamp();
        bool isStuckSaid = false;
        for (ClusterFacts facts = begun; ;)
        {
            int left = LeftOn(facts, name);
            if (left == 0)
            {
                progress.Finish(all);
                return facts;
            }

            all = Math.Max(all, left);
            progress.Report(all - left, (double)(all - left) / all);
            if (left < best) (best, movedAt, isStuckSaid) = (left, host.Time.GetTimestamp(), false);
            if (!isStuckSaid && host.Time.GetElapsedTime(movedAt) > StuckAfter)
            {
                isStuckSaid = true;
                progress.Clear();
                if (!quiet)
                {
                    host.Error.WriteLine(
                        $"norikv: no replica left {name} for {StuckAfter.TotalSeconds} s, {left} are there: norikv doctor may say why");
                }
            }

            await Task.Delay(Period, host.Time, cancellationToken).ConfigureAwait(false);
            facts = await AskAsync(cancellationToken).ConfigureAwait(false);
        }
    }

    private static int LeftOn(ClusterFacts facts, string name) =>
        facts.Find(name) is { } node ? facts.ReplicasOn(node.Node.Number) : 0;

    private async Task<ClusterFacts> AskAsync(CancellationToken cancellationToken)
    {
        for (int failures = 1; ; failures++)
        {
            try
            {
                return new ClusterFacts(await cluster.StatusAsync(shards: true, cancellationToken).ConfigureAwait(false));
            }
            catch (NoriKVException failure) when (failures < FailuresMax && ExitCode.Of(failure.Code) == ExitCode.Unavailable)
            {
                await Task.Delay(Period * failures, host.Time, cancellationToken).ConfigureAwait(false);
            }
        }
    }
}
