using System.Buffers;
using System.Text.Json;
using NoriKV.Node;

namespace NoriKV.Server.Live;

/// <summary>
/// Writes what one watcher does not know yet: differences between the cluster as it is and as the watcher was last told
/// (docs/formats/live.md).
/// </summary>
/// <remarks>Not thread-safe.</remarks>
internal sealed class LiveMessages : IDisposable
{
    /// <summary>Events of one message.</summary>
    private const int EventsMost = 24;

    private const int NamesMax = 4096;

    private static readonly TimeSpan MapPeriod = TimeSpan.FromSeconds(1);

    private readonly ArrayBufferWriter<byte> _buffer = new(16 << 10);
    private readonly Utf8JsonWriter _json;
    private readonly Dictionary<string, int> _names = new(StringComparer.Ordinal);
    private readonly List<string> _newNames = [];
    private readonly TimeProvider _time;
    private LiveNodeView[] _nodes = [];
    private Told[] _told = [];
    private byte[] _leaders = [];
    private byte[] _heat = [];
    private byte[] _sizes = [];
    private ulong? _mapRevision;
    private long _mapAt;
    private long _eventsThrough;
    private long _elidedBefore = -1;
    private long _skipped;
    private long _elidedTold;

    /// <param name="eventsAfter">The last event the watcher has; 0: none.</param>
    /// <param name="time">The clock.</param>
    public LiveMessages(long eventsAfter, TimeProvider time)
    {
        (_eventsThrough, _time) = (eventsAfter, time);
        _json = new Utf8JsonWriter(_buffer, new JsonWriterOptions { SkipValidation = true });
    }

    /// <summary>The first message: who speaks.</summary>
    public ReadOnlyMemory<byte> Hello(
        string node, string clusterId, int shards, bool hashTags, string process,
        IReadOnlyList<string> routes)
    {
        Begin();
        _json.WriteNumber("hello", 1);
        _json.WriteString("node", node);
        _json.WriteString("cluster", clusterId);
        _json.WriteString("process", process);
        _json.WriteNumber("shards", shards);
        if (hashTags) _json.WriteBoolean("hash_tags", true);
        _json.WriteStartArray("routes");
        foreach (string route in routes) _json.WriteStringValue(route);
        _json.WriteEndArray();
        _json.WriteStartArray("buckets_us");
        foreach (double bound in Nori.Observe.Buckets.Latency.Span) _json.WriteNumberValue((long)Math.Round(bound * 1e6));
        _json.WriteEndArray();
        return End();
    }

    /// <summary>What changed since the last message.</summary>
    /// <param name="cluster">The cluster as it is.</param>
    /// <param name="events">What happened.</param>
    /// <param name="watched">Shards the watcher looks at closely.</param>
    public ReadOnlyMemory<byte> Next(LiveCluster cluster, LiveEventLog events, IReadOnlyList<uint> watched)
    {
        Begin();
        _json.WriteNumber("t", cluster.UnixMs);
        WriteNodes(cluster);
        WriteFigures(cluster);
        WriteFacts(cluster);
        WriteShards(cluster);
        WriteStandings(cluster, watched);
        WriteEvents(events);
        return End();
    }

    /// <summary>Nothing is written any more.</summary>
    public void Dispose() => _json.Dispose();

    private void Begin()
    {
        _buffer.ResetWrittenCount();
        _json.Reset();
        _json.WriteStartObject();
    }

    private ReadOnlyMemory<byte> End()
    {
        _json.WriteEndObject();
        _json.Flush();
        return _buffer.WrittenMemory;
    }

    private void WriteNodes(LiveCluster cluster)
    {
        bool isSame = cluster.Nodes.Count == _nodes.Length;
        for (int i = 0; isSame && i < _nodes.Length; i++)
            isSame = cluster.Nodes[i] with { Picture = null } == _nodes[i];
        if (isSame) return;
        bool isSamePlaces = cluster.Nodes.Count >= _nodes.Length
            && !_nodes.Where((n, i) => n.Number != cluster.Nodes[i].Number).Any();
        _nodes = [.. cluster.Nodes.Select(static n => n with { Picture = null })];

        // Places mean others from here on: all of it anew.
        if (!isSamePlaces) (_told, _leaders, _mapRevision) = ([], [], null);
        Array.Resize(ref _told, _nodes.Length);
        _json.WriteStartArray("nodes");
        foreach (LiveNodeView node in _nodes)
        {
            _json.WriteStartObject();
            _json.WriteNumber("number", node.Number.Value);
            _json.WriteString("id", node.Name);
            _json.WriteString("addr", node.Address);
            if (node.Zone.Length > 0) _json.WriteString("zone", node.Zone);
            if (node.State != "active") _json.WriteString("state", node.State);
            _json.WriteEndObject();
        }

        _json.WriteEndArray();
        if (!isSamePlaces) _json.WriteBoolean("anew", true);
    }

    // Before the figures that use them, the names that are new; so both are gathered first.
    private void WriteFigures(LiveCluster cluster)
    {
        int firstNew = _names.Count;
        var changes = new List<(int Place, bool IsReset, List<(int Name, long Change)> Changes)>();
        for (int i = 0; i < cluster.Nodes.Count; i++)
        {
            if (cluster.Nodes[i].Picture is not { } picture) continue;
            bool isReset = _told[i] is { } known && known.BootEpoch != picture.BootEpoch;
            if (_told[i] is null || isReset) _told[i] = new Told(picture.BootEpoch);
            List<(int, long)> changed = ChangesOf(_told[i]!, picture);
            if (changed.Count > 0 || isReset) changes.Add((i + 1, isReset, changed));
        }

        if (_newNames.Count > 0)
        {
            _json.WriteStartArray("names");
            _json.WriteNumberValue(firstNew);
            foreach (string name in _newNames) _json.WriteStringValue(name);
            _json.WriteEndArray();
            _newNames.Clear();
        }

        int[] resets = [.. changes.Where(static c => c.IsReset).Select(static c => c.Place)];
        if (resets.Length > 0) WriteNumbers("reset", resets.Select(static p => (long)p));
        if (changes.Count == 0) return;
        _json.WriteStartArray("figures");
        foreach ((int place, _, List<(int Name, long Change)> all) in changes)
        {
            _json.WriteStartArray();
            _json.WriteNumberValue(place);
            foreach ((int name, long change) in all)
            {
                _json.WriteNumberValue(name);
                _json.WriteNumberValue(change);
            }

            _json.WriteEndArray();
        }

        _json.WriteEndArray();
    }

    private List<(int Name, long Change)> ChangesOf(Told told, NodePicture picture)
    {
        var changes = new List<(int, long)>();
        foreach ((string figure, long value) in picture.Figures)
        {
            if (!_names.TryGetValue(figure, out int name))
            {
                if (_names.Count == NamesMax) continue;
                name = _names.Count;
                _names.Add(figure, name);
                _newNames.Add(figure);
            }

            while (told.Figures.Count <= name) told.Figures.Add(0);
            if (told.Figures[name] == value) continue;
            changes.Add((name, value - told.Figures[name]));
            told.Figures[name] = value;
        }

        return changes;
    }

    private void WriteFacts(LiveCluster cluster)
    {
        bool any = false;
        for (int i = 0; i < cluster.Nodes.Count; i++)
        {
            NodePicture? picture = cluster.Nodes[i].Picture;
            Told told = _told[i] ??= new Told(0);
            bool isSilent = picture is null;
            bool isSame = told.IsSilent == isSilent && (isSilent || told.Facts.Span.SequenceEqual(picture!.Facts.Span));
            if (isSame) continue;
            told.IsSilent = isSilent;
            if (picture is not null) told.Facts = picture.Facts;
            if (!any) _json.WriteStartArray("facts");
            any = true;
            _json.WriteStartArray();
            _json.WriteNumberValue(i + 1);
            if (picture is null) _json.WriteNullValue();
            else WriteRaw(_json, picture.Facts);
            _json.WriteEndArray();
        }

        if (any) _json.WriteEndArray();
    }

    private void WriteShards(LiveCluster cluster)
    {
        WriteLeaders(cluster);
        if (_mapRevision != cluster.Map.Revision) WriteReplicas(cluster);
        if (_time.GetElapsedTime(_mapAt) < MapPeriod * Math.Max(1, cluster.Heat.Length / 4096)) return;
        _mapAt = _time.GetTimestamp();
        if (!_heat.AsSpan().SequenceEqual(cluster.Heat)) _json.WriteBase64String("heat", _heat = cluster.Heat);
        if (!_sizes.AsSpan().SequenceEqual(cluster.Sizes)) _json.WriteBase64String("sizes", _sizes = cluster.Sizes);
    }

    private void WriteLeaders(LiveCluster cluster)
    {
        byte[] now = cluster.Leaders;
        if (now.Length != _leaders.Length)
        {
            _json.WriteBase64String("leaders", _leaders = now);
            return;
        }

        int changed = 0;
        for (int i = 0; i < now.Length; i++) changed += now[i] != _leaders[i] ? 1 : 0;
        if (changed == 0) return;
        if (changed > Math.Max(64, now.Length / 16)) _json.WriteBase64String("leaders", now);
        else WriteNumbers("led", Changed(now, _leaders, cluster.Terms));
        _leaders = now;

        static IEnumerable<long> Changed(byte[] now, byte[] before, ulong[] terms)
        {
            for (int i = 0; i < now.Length; i++)
            {
                if (now[i] == before[i]) continue;
                yield return i;
                yield return now[i];
                yield return (long)terms[i];
            }
        }
    }

    /// <summary>Of each shard a bit for each place that has a replica.</summary>
    private void WriteReplicas(LiveCluster cluster)
    {
        _mapRevision = cluster.Map.Revision;
        int width = (cluster.Nodes.Count + 7) / 8, shards = cluster.Leaders.Length;
        byte[] bits = new byte[width * shards];
        for (int shard = 0; shard < shards; shard++)
        {
            foreach (PlannedReplica replica in cluster.Map.ReplicasOf(new Types.ShardId((uint)shard)))
            {
                int place = cluster.PlaceOf(replica.Node.Value) - 1;
                if (place >= 0) bits[(shard * width) + (place / 8)] |= (byte)(1 << (place % 8));
            }
        }

        _json.WriteBase64String("replicas", bits);
    }

    private void WriteStandings(LiveCluster cluster, IReadOnlyList<uint> watched)
    {
        if (watched.Count == 0) return;
        _json.WriteStartArray("standings");
        for (int i = 0; i < cluster.Nodes.Count; i++)
        {
            foreach (Standing s in cluster.Nodes[i].Picture?.Standings ?? [])
            {
                if (!watched.Contains(s.Shard)) continue;
                _json.WriteStartArray();
                _json.WriteNumberValue(s.Shard);
                _json.WriteNumberValue(i + 1);
                _json.WriteNumberValue(s.Role);
                _json.WriteNumberValue(s.Term);
                _json.WriteNumberValue(s.Commit);
                _json.WriteNumberValue(s.Last);
                _json.WriteNumberValue(s.Applied);
                _json.WriteNumberValue(cluster.PlaceOf(s.Leader));
                _json.WriteEndArray();
            }
        }

        _json.WriteEndArray();
    }

    private void WriteEvents(LiveEventLog log)
    {
        bool isFirst = _elidedBefore < 0;
        (IReadOnlyList<ReadOnlyMemory<byte>> events, long through, long skipped, long elided) =
            log.After(_eventsThrough, EventsMost, isFirst && _eventsThrough == 0);
        if (events.Count > 0)
        {
            _json.WriteStartArray("events");
            foreach (ReadOnlyMemory<byte> e in events) WriteRaw(_json, e);
            _json.WriteEndArray();
            _json.WriteNumber("through", through);
        }

        // What was left out before this watcher came it gets with the hour; what was left out while its connection was lost is told.
        if (isFirst) _elidedBefore = elided;
        if (!isFirst || _eventsThrough > 0) _skipped += skipped;
        _eventsThrough = through;
        long all = elided - _elidedBefore + _skipped;
        if (all > _elidedTold) _json.WriteNumber("elided", _elidedTold = all);
    }

    /// <summary>What a node sent is shown as it came, when it is JSON; null otherwise.</summary>
    public static void WriteRaw(Utf8JsonWriter writer, ReadOnlyMemory<byte> json)
    {
        var reader = new Utf8JsonReader(json.Span, new JsonReaderOptions { MaxDepth = 16 });
        try
        {
            while (reader.Read())
            {
            }

            writer.WriteRawValue(json.Span, skipInputValidation: true);
        }
        catch (JsonException)
        {
            writer.WriteNullValue();
        }
    }

    private void WriteNumbers(string name, IEnumerable<long> numbers)
    {
        _json.WriteStartArray(name);
        foreach (long number in numbers) _json.WriteNumberValue(number);
        _json.WriteEndArray();
    }

    /// <summary>What the watcher was last told of a node.</summary>
    private sealed class Told(ulong bootEpoch)
    {
        public ulong BootEpoch => bootEpoch;

        public List<long> Figures { get; } = [];

        public ReadOnlyMemory<byte> Facts { get; set; }

        public bool IsSilent { get; set; }
    }
}
