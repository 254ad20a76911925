using System.Text.Json;

namespace NoriKV.Server.Live;

/// <summary>A node's hour, read from its end to its beginning.</summary>
internal sealed class BackwardHour
{
    private readonly HourPicture _picture;
    private readonly List<HourLeader>[] _leadersBefore;
    private readonly ReadOnlyMemory<byte>[] _facts;
    private readonly long[] _figures;
    private readonly Dictionary<uint, HourLeader> _leaders = [];
    private readonly long[] _eventsAt;
    private int _sample;
    private int _event;

    public BackwardHour(string node, HourPicture picture)
    {
        (Node, _picture) = (node, picture);
        int count = picture.Samples.Count;
        _leadersBefore = new List<HourLeader>[count];
        _facts = new ReadOnlyMemory<byte>[count];
        _figures = new long[picture.Names.Count];
        for (int i = 0; i < count; i++)
        {
            HourSample sample = picture.Samples[i];
            foreach ((int name, long change) in sample.Changes) _figures[name] += change;
            _leadersBefore[i] = [];
            foreach (HourLeader leader in sample.Leaders)
            {
                _leadersBefore[i].Add(_leaders.GetValueOrDefault(leader.Shard) with { Shard = leader.Shard });
                _leaders[leader.Shard] = leader;
            }

            _facts[i] = sample.Facts.Length > 0 || i == 0 ? sample.Facts : _facts[i - 1];
        }

        _eventsAt = [.. picture.Events.Select(At)];
        (_sample, _event) = (count - 1, _eventsAt.Length - 1);
    }

    public string Node { get; }

    public IReadOnlyList<string> Names => _picture.Names;

    public ulong EventsDropped => _picture.EventsDropped;

    public long? Newest => _picture.Samples.Count > 0 ? _picture.Samples[^1].UnixMs : null;

    public long? Oldest => _picture.Samples.Count > 0 ? _picture.Samples[0].UnixMs : null;

    public long? OldestEvent => _eventsAt.Length > 0 ? _eventsAt[0] : null;

    /// <summary>The next samples behind a moment, newest first.</summary>
    public List<BackwardSample> TakeSamples(long from, int most)
    {
        var taken = new List<BackwardSample>();
        for (; taken.Count < most && _sample >= 0 && _picture.Samples[_sample].UnixMs > from; _sample--)
            taken.Add(Read(_sample));
        return taken;
    }

    /// <summary>The next events behind a moment, newest first.</summary>
    public List<ReadOnlyMemory<byte>> TakeEvents(long from, int most)
    {
        var taken = new List<ReadOnlyMemory<byte>>();
        for (; taken.Count < most && _event >= 0 && _eventsAt[_event] > from; _event--) taken.Add(_picture.Events[_event]);
        return taken;
    }

    private BackwardSample Read(int i)
    {
        int count = _picture.Samples.Count;
        if (i == count - 1)
        {
            return new BackwardSample(
                _picture.Samples[i].UnixMs,
                [.. _figures.Select(static (v, n) => (n, v)).Where(static p => p.v != 0)],
                [.. _leaders.Values],
                _facts[i],
                IsNewest: true);
        }

        HourSample newer = _picture.Samples[i + 1];
        return new BackwardSample(
            _picture.Samples[i].UnixMs,
            [.. newer.Changes.Select(static c => (c.Name, -c.Change))],
            _leadersBefore[i + 1],
            _facts[i].Span.SequenceEqual(_facts[i + 1].Span) ? default : _facts[i],
            IsNewest: false);
    }

    // When an event happened; one that does not say comes with the oldest.
    private static long At(ReadOnlyMemory<byte> json)
    {
        try
        {
            var reader = new Utf8JsonReader(json.Span, new JsonReaderOptions { MaxDepth = 16 });
            while (reader.Read())
            {
                if (reader.TokenType != JsonTokenType.PropertyName || reader.CurrentDepth != 1 || !reader.ValueTextEquals("t"u8)) continue;
                return reader.Read() && reader.TokenType == JsonTokenType.String && reader.TryGetDateTimeOffset(out DateTimeOffset at)
                    ? at.ToUnixTimeMilliseconds()
                    : long.MinValue;
            }
        }
        catch (JsonException)
        {
        }

        return long.MinValue;
    }
}
