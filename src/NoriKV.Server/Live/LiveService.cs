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
    private readonly HourLoop _hour;

    /// <param name="node">The node.</param>
    /// <param name="cluster">What never changes of the cluster.</param>
    /// <param name="metrics">Where its figures are; null where metrics are off.</param>
    /// <param name="events">What happened lately.</param>
    /// <param name="news">What happened in the last hour, without what happens all the time.</param>
    /// <param name="hourStep">From one sample of the last hour to the next.</param>
    /// <param name="hourBytesMax">Bytes of memory of the samples.</param>
    /// <param name="members">Whom it sees; null where it is no member.</param>
    /// <param name="time">The clock.</param>
    public LiveService(
        ILiveNode node, ClusterView cluster, IMetricSource? metrics, EventRing events, EventRing news,
        TimeSpan hourStep, long hourBytesMax, Func<IReadOnlyList<SwimMember>>? members, TimeProvider time)
    {
        var maker = new PictureMaker(node, cluster.TotalShards, metrics, events, members, time);
        _loop = new LiveLoop(node, cluster.TotalShards, time);
        Feed = new LiveFeed(_loop, node, cluster, time);
        var log = new HourLog((int)Math.Max(1, TimeSpan.FromHours(1) / hourStep), hourBytesMax);
        var happened = new HourEvents(news, node.Health.NodeId, cluster.TotalShards, time);
        _hour = new HourLoop(log, maker, happened, hourStep, time);
        node.Answers = (question, cancellationToken) => AnswerAsync(
            maker,
            () =>
            {
                // As it is now, too: a watcher's present begins where its past ends.
                maker.Remember(log, time.GetUtcNow().ToUnixTimeMilliseconds());
                (IReadOnlyList<ReadOnlyMemory<byte>> told, ulong dropped) = happened.Take();
                return HourBytes.Encode(log, told, dropped);
            },
            question,
            cancellationToken);
    }

    /// <summary>What /live serves.</summary>
    public ILiveFeed Feed { get; }

    /// <summary>Looks no more; watchers were told before.</summary>
    public async ValueTask DisposeAsync()
    {
        await _hour.DisposeAsync().ConfigureAwait(false);
        await _loop.DisposeAsync().ConfigureAwait(false);
    }

    private static async ValueTask<ReadOnlyMemory<byte>> AnswerAsync(
        PictureMaker maker, Func<byte[]> hour, ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken)
    {
        if (!PictureQuestion.TryDecode(bytes.Span, out PictureQuestion question)) return default;

        // Not on the thread that brings frames: reading all figures takes a fraction of a millisecond.
        return await Task.Run<ReadOnlyMemory<byte>>(
            () => question.Kind == PictureKind.Hour ? hour() : PictureBytes.Encode(maker.Make(question)),
            cancellationToken).ConfigureAwait(false);
    }
}
