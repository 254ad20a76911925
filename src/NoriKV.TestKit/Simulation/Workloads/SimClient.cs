using Nori.Core;
using NoriKV.Node;
using NoriKV.TestKit.Simulation.Nodes;
using NoriKV.TestKit.Simulation.Scheduling;
using NoriKV.Types;

namespace NoriKV.TestKit.Simulation.Workloads;

/// <summary>
/// A client over the simulated network: tries a node, follows hints, tries again where nothing was done or where a key makes
/// a repeat harmless, and writes down what it called and what it was told.
/// </summary>
internal sealed class SimClient(SimWorld world, IReadOnlyList<SimNode> nodes, int number, Prng random)
{
    private static readonly long s_attempt = 1200 * Ticks.Millisecond;
    private readonly bool _knowsOne = random.Chance(0.4);
    private int _target = random.NextInt(nodes.Count);

    /// <summary>Its number in the network.</summary>
    public int Place { get; } = nodes.Count + number;

    /// <summary>Everything it called.</summary>
    public List<Call> Calls { get; } = [];

    /// <summary>Performs an operation until it ends or the time for it is over.</summary>
    public async Task<Call> PerformAsync(ClientOperation operation, long limit)
    {
        var call = new Call { Client = number, Operation = operation, Called = world.Events.Now };
        Calls.Add(call);
        long deadline = world.Events.Now + limit;
        for (int attempt = 1; ; attempt++)
        {
            if (attempt > 1) world.Probes.Hit(operation.IsWrite ? "write.retried" : "read.retried");
            SimNode asked = nodes[_target];
            ClientAnswer? answer = await AskAsync(operation, Math.Min(s_attempt, deadline - world.Events.Now))
                .ConfigureAwait(false);
            world.AssertThread();
            bool isUnknown = answer is null || answer.IsUnknown;
            if (!isUnknown && !answer!.WasNotDone)
            {
                End(call, answer);
                return call;
            }

            call.IsUnknown |= isUnknown && operation.IsWrite;
            if (answer?.Error?.Code == KvCode.DataLoss)
            {
                world.Probes.Hit("read.data_loss");
                if (!asked.IsRotten) world.Violate("files_intact", $"{asked.Name} answers {answer.Error.Message} to {operation}");
            }

            if (answer?.Error?.Code == KvCode.Overloaded && answer.Error.Message.Contains("full", StringComparison.Ordinal))
                world.Probes.Hit("disk.full_answer");
            // Without a key a repeat could be done twice.
            bool mayRepeat = !call.IsUnknown || operation.IdempotencyKey is not null;
            long pause = (5 * Ticks.Millisecond) + random.NextLong(Math.Min(attempt, 10) * 20 * Ticks.Millisecond);
            if (!mayRepeat || world.Events.Now + pause >= deadline)
            {
                GiveUp(call, answer);
                return call;
            }

            Retarget(answer);
            await world.Events.DelayAsync(pause).ConfigureAwait(false);
        }
    }

    private void End(Call call, ClientAnswer answer)
    {
        call.IsUnknown = false;
        call.Returned = world.Events.Now;
        call.Answer = answer;
        if (answer.IsReplay) world.Probes.Hit("write.replayed");
        if (call.Operation is { Call: ClientCall.Get, Read.Consistency: Consistency.Lease } && answer.Error is null)
            world.Probes.Hit(answer.Served == Consistency.Lease ? "read.lease_served" : "read.lease_refused");
        if (answer.Error is { Code: KvCode.Internal or KvCode.InvalidArgument or KvCode.PermissionDenied } error)
            world.Violate("answers_make_sense", $"{call}: {error.Message}");
        world.Trace.Note(Place, 1, System.Runtime.InteropServices.MemoryMarshal.AsBytes(call.ToString().AsSpan()));
    }

    private void GiveUp(Call call, ClientAnswer? answer)
    {
        call.WasNotDone = !call.IsUnknown;
        if (call.WasNotDone) call.Returned = world.Events.Now;
        else world.Probes.Hit("write.unknown");
        call.Answer = answer;
        world.Trace.Note(Place, 2, System.Runtime.InteropServices.MemoryMarshal.AsBytes(call.ToString().AsSpan()));
    }

    // Addresses in the simulation are places: n1:1 is node 0.
    private void Retarget(ClientAnswer? answer)
    {
        // Some know one node and nothing else, and stay with it while it answers: it must find the leader for them.
        if (_knowsOne && answer?.Error is { Code: not KvCode.Unavailable } && random.Chance(0.95))
        {
            world.Probes.Hit("client.stays");
            return;
        }

        string? hint = answer?.Error?.LeaderHint;
        int hinted = hint is null ? -1 : nodes.ToList().FindIndex(n => hint.StartsWith(n.Name + ":", StringComparison.Ordinal));
        _target = hinted >= 0 && random.Chance(0.9) ? hinted : random.NextInt(nodes.Count);
    }

    /// <summary>One attempt at one node; null where no answer came in time.</summary>
    private Task<ClientAnswer?> AskAsync(ClientOperation operation, long limit)
    {
        var done = new TaskCompletionSource<ClientAnswer?>();
        SimNode node = nodes[_target];
        world.Events.After(limit, () => done.TrySetResult(null));
        world.Network.Send(Place, node.Place, 0, reliable: true, () =>
        {
            if (node.State == NodeState.Down || node.Port is null)
            {
                // The machine answers for its process: nobody listens.
                var refused = new KvError(KvCode.Unavailable, "connection refused");
                world.Network.Send(node.Place, Place, 0, true, () => done.TrySetResult(new ClientAnswer { Error = refused }));
                return;
            }

            node.Arrive(() => _ = ServeAsync(node, operation, limit, done));
        });
        return done.Task;
    }

    /// <summary>What happens at the node; a crash leaves it unfinished for ever.</summary>
    private async Task ServeAsync(SimNode node, ClientOperation operation, long limit, TaskCompletionSource<ClientAnswer?> done)
    {
        int boot = node.Boots;
        if (node.Port is not { } port || node.Clock is not { } clock) return;
        node.CallsOpen++;
        var context = new RequestContext(clock.GetTimestamp() + limit, "", CancellationToken.None);
        ClientAnswer? answer;
        try
        {
            answer = await NodeCaller.CallAsync(port, operation, context).ConfigureAwait(false);
        }
#pragma warning disable CA1031 // Whatever a call throws is a finding of the run.
        catch (Exception e)
#pragma warning restore CA1031
        {
            answer = null;
            if (node.State != NodeState.Down && node.Boots == boot)
                world.Violate("no_crash", $"{node.Name}: {operation} threw {e}");
        }

        world.AssertThread();
        if (node.Boots != boot || node.State == NodeState.Down) return;
        node.CallsOpen--;
        if (answer is null) return;
        node.Depart(() => world.Network.Send(node.Place, Place, 0, reliable: true, () => done.TrySetResult(answer)));
    }
}
