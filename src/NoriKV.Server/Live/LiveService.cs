using Nori.Observe;
using Nori.Swim.Core;
using NoriKV.Node.Live;
using NoriKV.Transport.Http.Live;
using NoriKV.Types;

namespace NoriKV.Server.Live;

/// <summary>What a server shows of itself and its cluster to those who watch: answers other nodes, and feeds /live.</summary>
internal sealed class LiveService : IAsyncDisposable
{
    private readonly LiveLoop _loop;

    /// <param name="node">The node.</param>
    /// <param name="cluster">What never changes of the cluster.</param>
    /// <param name="metrics">Where its figures are; null where metrics are off.</param>
    /// <param name="events">What happened lately.</param>
    /// <param name="members">Whom it sees; null where it is no member.</param>
    /// <param name="time">The clock.</param>
    public LiveService(
        ILiveNode node, ClusterView cluster, IMetricSource? metrics, EventRing events,
        Func<IReadOnlyList<SwimMember>>? members, TimeProvider time)
    {
        var maker = new PictureMaker(node, metrics, events, members, time);
        _loop = new LiveLoop(node, cluster.TotalShards, time);
        Feed = new LiveFeed(_loop, node, cluster, time);
        node.Answers = (question, cancellationToken) => AnswerAsync(maker, question, cancellationToken);
    }

    /// <summary>What /live serves.</summary>
    public ILiveFeed Feed { get; }

    /// <summary>Looks no more; watchers were told before.</summary>
    public ValueTask DisposeAsync() => _loop.DisposeAsync();

    private static async ValueTask<ReadOnlyMemory<byte>> AnswerAsync(
        PictureMaker maker, ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken)
    {
        if (!PictureQuestion.TryDecode(bytes.Span, out PictureQuestion question)) return default;

        // Not on the thread that brings frames: reading all figures takes a fraction of a millisecond.
        return await Task.Run<ReadOnlyMemory<byte>>(() => PictureBytes.Encode(maker.Make(question)), cancellationToken)
            .ConfigureAwait(false);
    }
}
