using NoriKV.Node.Live;
using NoriKV.Node.Peers;
using NoriKV.Node.Ports;
using NoriKV.Node.Replication;
using NoriKV.Node.Storage;
using NoriKV.Types;

namespace NoriKV.Node;

/// <summary>What is shown of the cluster to those who watch it; costs nothing while nobody does.</summary>
public sealed partial class NoriNode : ILiveNode
{
    private Func<ReadOnlyMemory<byte>, CancellationToken, ValueTask<ReadOnlyMemory<byte>>>? _answers;

    /// <inheritdoc/>
    public IEnumerable<KeyValuePair<ShardId, ReplicaStatus>> Standings
    {
        get
        {
            foreach (RaftGroup group in _log.Groups)
            {
                if (group.Shard != MetaShard) yield return new(group.Shard, _log.Status(group.Shard));
            }
        }
    }

    /// <inheritdoc/>
    long[] ILiveNode.EstimateShardBytes()
    {
        if (_storage is not LsmStorage { Engine: { } engine }) return new long[_totalShards];
        (uint Slot, uint Shard)[] slots = [.. _log.Groups.Where(g => g.Shard != MetaShard)
            .Select(g => (_replicas.SlotOf(g.Shard), g.Shard.Value)).Order()];
        return ShardSizes.Estimate(engine.TableSpans(), slots, _totalShards);
    }

    /// <inheritdoc/>
    Func<ReadOnlyMemory<byte>, CancellationToken, ValueTask<ReadOnlyMemory<byte>>>? ILiveNode.Answers
    {
        get => Volatile.Read(ref _answers);
        set => Volatile.Write(ref _answers, value);
    }

    /// <inheritdoc/>
    async ValueTask<ReadOnlyMemory<byte>?> ILiveNode.AskAsync(
        NodeNumber node, ReadOnlyMemory<byte> question, TimeSpan limit, CancellationToken cancellationToken)
    {
        // Nobody waits for a node that is not heard.
        if (node != Self && !_host.Liveness.IsHeard(node)) return null;
        long deadline = _time.GetTimestamp() + TicksOf(limit);
        PeerReply reply = await _calls
            .CallAsync(node, PeerChannel.Control, PeerMethod.Picture, question, deadline, cancellationToken)
            .ConfigureAwait(false);
        return reply.IsOk && reply.Body.Length <= LiveBounds.AnswerBytesMax ? reply.Body : null;
    }

    private async ValueTask<PeerReply> ServePicture(PeerRequest request)
    {
        if (Volatile.Read(ref _answers) is not { } answers || request.Body.Length > LiveBounds.QuestionBytesMax)
        {
            return PeerReply.Refuse("this node shows nothing");
        }

        return PeerReply.Ok(await answers(request.Body, request.CancellationToken).ConfigureAwait(false));
    }
}
