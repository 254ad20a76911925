using Nori.Core;
using NoriKV.Node;
using NoriKV.Node.Meta;
using NoriKV.TestKit.Simulation.Nodes;
using NoriKV.TestKit.Simulation.Scheduling;
using NoriKV.Types;

namespace NoriKV.TestKit.Simulation.Scenarios;

/// <summary>Who administers a simulated cluster: asks any node over the network, and again until somebody answers.</summary>
internal sealed class ScenarioOperator(SimWorld world, IReadOnlyList<SimNode> machines, int place, Prng random)
{
    private static readonly long s_attempt = 3 * Ticks.Second;

    /// <summary>The cluster as some meta leader sees it; waits until one answers.</summary>
    public async Task<ClusterStatus> StatusAsync()
    {
        while (true)
        {
            KvResult<ClusterStatus>? result = await TryAsync(static (admin, context) => admin.StatusAsync(context)).ConfigureAwait(false);
            if (result is { IsOk: true } known) return known.Value;
            await PauseAsync().ConfigureAwait(false);
        }
    }

    /// <summary>Wishes until it is granted or refused for good; null when granted.</summary>
    public async Task<KvError?> WishAsync(string what, Func<IClusterAdmin, RequestContext, ValueTask<KvResult<ClusterStatus>>> wish)
    {
        world.Trace.Tell("op", what);
        while (true)
        {
            if (await TryAsync(wish).ConfigureAwait(false) is { } result)
            {
                world.Probes.Hit($"operator.{result.Error?.Code.ToString() ?? "Ok"}");
                if (result.Error is null) return null;
                if (result.Error.Code is KvCode.FailedPrecondition or KvCode.InvalidArgument)
                {
                    world.Trace.Tell("op", $"{what}: refused: {result.Error.Message}");
                    return result.Error;
                }
            }

            await PauseAsync().ConfigureAwait(false);
        }
    }

    /// <summary>Asks to become a member until it is one, or refused for good.</summary>
    public async Task<JoinReply> JoinAsync(JoinRequest request)
    {
        world.Trace.Tell("op", $"{request.Name} wants to join ({request.StoreUuid})");
        while (true)
        {
            JoinReply? reply = await AskAsync<JoinReply>(
                (node, context) => node.JoinAsync(request, context).AsTask()).ConfigureAwait(false);
            if (reply is not null && (reply.Refusal is null || !reply.MayRetry)) return reply;
            await PauseAsync().ConfigureAwait(false);
        }
    }

    public Task PauseAsync() => world.Events.DelayAsync((100 * Ticks.Millisecond) + random.NextLong(200 * Ticks.Millisecond));

    private async Task<KvResult<ClusterStatus>?> TryAsync(
        Func<IClusterAdmin, RequestContext, ValueTask<KvResult<ClusterStatus>>> wish)
    {
        Box? box = await AskAsync<Box>(async (node, context) =>
            new Box(await wish(node.Admin, context).ConfigureAwait(false))).ConfigureAwait(false);
        return box?.Result;
    }

    /// <summary>One question to one node; null where no answer came in time.</summary>
    private Task<T?> AskAsync<T>(Func<NoriNode, RequestContext, Task<T>> ask)
        where T : class
    {
        var done = new TaskCompletionSource<T?>();
        SimNode[] known = [.. machines.Where(static m => m.IsInUse)];
        SimNode asked = known[random.NextInt(known.Length)];
        world.Events.After(s_attempt, () => done.TrySetResult(null));
        world.Network.Send(place, asked.Place, 0, reliable: true, () =>
        {
            if (asked.State == NodeState.Down) done.TrySetResult(null);
            else asked.Arrive(() => _ = ServeAsync(asked, ask, done));
        });
        return done.Task;
    }

    private async Task ServeAsync<T>(SimNode asked, Func<NoriNode, RequestContext, Task<T>> ask, TaskCompletionSource<T?> done)
        where T : class
    {
        int boot = asked.Boots;
        if (asked.Node is not { } node || asked.Clock is not { } clock) return;
        asked.CallsOpen++;
        T? answer = null;
        try
        {
            var context = new RequestContext(clock.GetTimestamp() + s_attempt, "", CancellationToken.None);
            answer = await ask(node, context).ConfigureAwait(false);
        }
#pragma warning disable CA1031 // Whatever a call throws is a finding of the run.
        catch (Exception e)
#pragma warning restore CA1031
        {
            if (asked.State != NodeState.Down && asked.Boots == boot) world.Violate("no_crash", $"{asked.Name}: administration threw {e}");
        }

        world.AssertThread();
        if (asked.Boots != boot || asked.State == NodeState.Down) return;
        asked.CallsOpen--;
        if (answer is null) return;
        asked.Depart(() => world.Network.Send(asked.Place, place, 0, reliable: true, () => done.TrySetResult(answer)));
    }

    private sealed record Box(KvResult<ClusterStatus> Result);
}
