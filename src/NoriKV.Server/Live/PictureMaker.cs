using System.Buffers;
using System.Text.Json;
using Nori.Observe;
using Nori.Swim;
using Nori.Swim.Core;
using NoriKV.Node;
using NoriKV.Node.Live;
using NoriKV.Node.Ports;
using NoriKV.Types;

namespace NoriKV.Server.Live;

/// <summary>Makes the picture of the own node when somebody asks for it.</summary>
/// <remarks>Thread-safe.</remarks>
/// <param name="node">The node.</param>
/// <param name="totalShards">How many shards there are.</param>
/// <param name="metrics">Its figures; null where metrics are off.</param>
/// <param name="events">What happened lately.</param>
/// <param name="members">Whom it sees; null where it is no member.</param>
/// <param name="time">The clock.</param>
internal sealed class PictureMaker(
    ILiveNode node, int totalShards, IMetricSource? metrics, EventRing events, Func<IReadOnlyList<SwimMember>>? members, TimeProvider time)
{
    private static readonly TimeSpan SizesHold = TimeSpan.FromSeconds(5);

    private readonly Lock _lock = new(); // Guards _sizes and _sizedAt.
    private long[]? _sizes;
    private long _sizedAt;

    private readonly long _startedUnixMs = time.GetUtcNow().ToUnixTimeMilliseconds();

    /// <summary>The node's figures as they are now.</summary>
    public IReadOnlyList<KeyValuePair<string, long>> Figures() => metrics is null ? [] : [.. FigureReader.Read(metrics)];

    /// <summary>Adds the node as it is now to its hour.</summary>
    public void Remember(HourLog log, long unixMs) => log.Add(
        unixMs,
        Figures(),
        node.Standings.Select(static s => new HourLeader(s.Key.Value, s.Value.Leader.Value, s.Value.Term.Value)),
        Facts(node.Health));

    /// <summary>The picture that answers a question.</summary>
    public NodePicture Make(in PictureQuestion question)
    {
        NodeHealth health = node.Health;
        IReadOnlyList<uint> watched = question.Shards;
        (List<ReadOnlyMemory<byte>> news, long through, uint elided) = LiveEvents.Newest(
            events,
            question.EventsAfter,
            e => LiveEvents.IsNews(e) || LiveEvents.IsVoteIn(e, watched),
            health.NodeId,
            totalShards,
            LiveEvents.Most);
        long[] sizes = Sizes();
        var leads = new List<LedShard>();
        var standings = new List<Standing>();
        foreach ((ShardId shard, ReplicaStatus status) in node.Standings)
        {
            if (status.IsLeader) leads.Add(new LedShard(shard.Value, status.Term.Value, status.Commit.Value, KilobytesOf(sizes, shard)));
            if (watched.Contains(shard.Value)) standings.Add(StandingOf(shard, status));
        }

        return new NodePicture
        {
            BootEpoch = node.BootEpoch,
            UnixMs = time.GetUtcNow().ToUnixTimeMilliseconds(),
            Figures = Figures(),
            Facts = Facts(health),
            Leads = leads,
            Standings = standings,
            EventsThrough = (ulong)through,
            EventsElided = elided,
            Events = news,
        };
    }

    private static ulong KilobytesOf(long[] sizes, ShardId shard) =>
        shard.Value < (uint)sizes.Length ? (ulong)(sizes[shard.Value] >> 10) : 0;

    private long[] Sizes()
    {
        lock (_lock)
        {
            if (_sizes is not null && time.GetElapsedTime(_sizedAt) < SizesHold) return _sizes;
            _sizedAt = time.GetTimestamp();
            return _sizes = node.EstimateShardBytes();
        }
    }

    private static Standing StandingOf(ShardId shard, in ReplicaStatus status) => new(
        shard.Value, status.Replica.Value, (byte)status.Role, status.Leader.Value, status.Term.Value, status.Commit.Value,
        status.Last.Value, status.Applied.Value);

    private ReadOnlyMemory<byte> Facts(NodeHealth health)
    {
        var buffer = new ArrayBufferWriter<byte>(512);
        using var json = new Utf8JsonWriter(buffer);
        json.WriteStartObject();
        json.WriteString("status", health.Status.ToString().ToLowerInvariant());
        json.WriteNumber("started", _startedUnixMs);
        json.WriteNumber("boot", node.BootEpoch);
        json.WriteString("version", $"{typeof(PictureMaker).Assembly.GetName().Version}");
        json.WriteBoolean("metrics", metrics is not null);
        json.WriteStartArray("reasons");
        foreach (string reason in health.Reasons.Take(16)) json.WriteStringValue(reason);
        json.WriteEndArray();
        WriteMembers(json);
        json.WriteEndObject();
        json.Flush();
        return buffer.WrittenMemory;
    }

    private void WriteMembers(Utf8JsonWriter json)
    {
        if (members is null) return;
        json.WriteStartArray("members");
        foreach (SwimMember member in members().Take(256))
        {
            json.WriteStartArray();
            json.WriteStringValue(member.Id.Value);
            json.WriteStringValue(member.State.ToString().ToLowerInvariant());
            json.WriteNumberValue(member.Incarnation);
            json.WriteEndArray();
        }

        json.WriteEndArray();
    }
}
