using NoriKV.Cli.Chaos.Load;
using NoriKV.Cli.Chaos.Nodes;
using NoriKV.TestKit.Histories;
using NoriKV.TestKit.Linearizability;

namespace NoriKV.Cli.Chaos.Checks;

/// <summary>
/// Judges a round once all faults have ended: the cluster serves within the bound, what clients saw fits, what was acknowledged is
/// there, replicas are equal.
/// </summary>
internal sealed class RoundJudge(
    ChaosCluster cluster, FaultHands hands, ShardProbes probes, ChaosOptions options, ChaosReport report, string folder,
    TimeProvider time)
{
    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(50);

    // Data has to be copied first.
    private const int WholeBounds = 3;

    private static readonly TimeSpan CheckLimit = TimeSpan.FromSeconds(60);

    // A node with a damaged or failed disk that does not serve by then will not by itself.
    private readonly TimeSpan _helpAfter = options.HealBound / 3;

    private readonly double _bound = options.HealBound.TotalSeconds;

    // Values that no write of unknown outcome can change any more.
    private readonly SealedValues _sealed = new();
    private readonly ReplicaCheck _replicas = new(cluster, report, time);

    /// <summary>Heals the cluster while the load goes on, and waits until it serves.</summary>
    public async Task HealAsync(CancellationToken cancellationToken)
    {
        long begun = time.GetTimestamp();
        report.Tell($"healing");
        hands.Heal();
        await hands.ReplaceLostAsync(options.HealBound, cancellationToken).ConfigureAwait(false);
        if (!await AllReadyAsync(begun, cancellationToken).ConfigureAwait(false)) return;
        TimeSpan left = options.HealBound - time.GetElapsedTime(begun);
        if (await probes.UntilWritableAsync(probes.All, left, cancellationToken).ConfigureAwait(false) is null)
        {
            report.Violate("liveness", $"no writes {_bound} s after everything was healed: {probes.Failing}");
            return;
        }

        report.WasHealed(time.GetElapsedTime(begun));
        report.Tell($"every shard takes writes {time.GetElapsedTime(begun).TotalSeconds:0.000} s after healing");
        await AwaitWholeAsync(begun, cancellationToken).ConfigureAwait(false);
    }

    // A lost disk is made up for, with votes and all: the next round may lose another.
    private async Task AwaitWholeAsync(long begun, CancellationToken cancellationToken)
    {
        while (await hands.WhyNotWholeAsync(cancellationToken).ConfigureAwait(false) is { } why)
        {
            if (time.GetElapsedTime(begun) > WholeBounds * options.HealBound)
            {
                report.Violate("liveness", $"a lost disk is not made up for {WholeBounds * _bound} s after everything was healed: {why}");
                return;
            }

            await Task.Delay(Look, time, cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>Judges what was recorded; nobody calls any more.</summary>
    public async Task JudgeAsync(ChaosLoad load, int round, CancellationToken cancellationToken)
    {
        IReadOnlyDictionary<string, string?>? last = await load.ReadAllAsync(options.HealBound, cancellationToken).ConfigureAwait(false);
        if (last is null) report.Violate("liveness", $"a key cannot be read {_bound} s after everything was healed");
        JudgeHistory(load.Recorder.History, round, cancellationToken);
        if (last is null) return;
        _sealed.Add(last.Where(p => load.Keys.IsCertain(p.Key)));
        await _replicas.RunAsync(options.HealBound, _sealed, cancellationToken).ConfigureAwait(false);
        await MendAsync(cancellationToken).ConfigureAwait(false);
    }

    private async Task<bool> AllReadyAsync(long begun, CancellationToken cancellationToken)
    {
        var waited = cluster.Nodes.ToList();
        bool helped = false;
        while (waited.Count > 0)
        {
            TimeSpan now = time.GetElapsedTime(begun);
            foreach (ChaosNode node in waited.ToArray())
            {
                if (await cluster.SightAsync(node, cancellationToken).ConfigureAwait(false) is { IsReady: true }) waited.Remove(node);
            }

            if (!helped && waited.Count > 0 && now > _helpAfter)
            {
                helped = true;
                foreach (ChaosNode node in waited.Where(static n => n.Process!.MayFail)) await HelpAsync(node).ConfigureAwait(false);
            }

            if (waited.Count > 0 && now > options.HealBound)
            {
                string names = string.Join(", ", waited.Select(static n => n.Name));
                report.Violate("liveness", $"{names} not ready {_bound} s after everything was healed; see {waited[0].WordsFile}");
                return false;
            }

            await Task.Delay(Look, time, cancellationToken).ConfigureAwait(false);
        }

        return true;
    }

    // What an operator does: mends what was damaged and starts it again.
    private async Task HelpAsync(ChaosNode node)
    {
        await node.KillAsync().ConfigureAwait(false);
        if (node.Flipped is { } flipped)
        {
            bool mended = flipped.Mend();
            report.Tell($"{node.Name} does not serve with a flipped bit; {(mended ? "flipped back" : "the bit is gone")}");
            report.Refused++;
            node.Flipped = null;
        }

        hands.Begin(node);
    }

    // What heals is told; what lies on where nobody read it is mended, so that rot does not pile up from round to round.
    private async Task MendAsync(CancellationToken cancellationToken)
    {
        foreach (ChaosNode node in cluster.Nodes.Where(static n => n.Flipped is not null))
        {
            report.Healed++;
            await node.KillAsync().ConfigureAwait(false);
            bool mended = node.Flipped!.Mend();
            report.Tell($"{node.Name} served with its flipped bit, which was {(mended ? "still there" : "written over")}");
            node.Flipped = null;
            hands.Begin(node);
            await node.Process!.Ready.WaitAsync(options.HealBound, time, cancellationToken).ConfigureAwait(false);
        }
    }

    private void JudgeHistory(IReadOnlyList<Operation> history, int round, CancellationToken cancellationToken)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(CheckLimit);
        try
        {
            Verdict verdict = LinearizabilityChecker.CheckAll(history, cancellation: limit.Token);
            report.KeysJudged += verdict.KeysChecked - verdict.UndecidedKeys.Count;
            if (verdict.UndecidedKeys.Count > 0)
            {
                Undecided(history, round, $"key {verdict.UndecidedKeys[0]} has more possible orders than can be looked at");
            }

            if (verdict.Contradiction is not { } contradiction) return;
            report.Violate("linearizable", $"see {Keep(history, $"history-{round}.jsonl")}\n{ContradictionPicture.ToText(contradiction)}");
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            Undecided(history, round, $"the histories could not be judged within {CheckLimit.TotalSeconds:0} s");
        }
    }

    private void Undecided(IReadOnlyList<Operation> history, int round, string why)
    {
        report.Undecided++;
        report.Tell($"round {round}: {why}: {Keep(history, $"undecided-{round}.jsonl")}");
    }

    private string Keep(IReadOnlyList<Operation> history, string name)
    {
        string file = Path.Combine(folder, name);
        using var writer = new StreamWriter(file);
        HistoryWriter.Write(history, writer);
        return file;
    }
}
