using System.Buffers;
using System.Text.Json;

namespace NoriKV.Server.Live;

/// <summary>
/// The last hour of the nodes as lines of JSON, the newest minutes first, so that a watcher sees at once what it most likely wants
/// (docs/formats/live.md). A node's newest sample tells all of it, each older one how it differs from the newer.
/// </summary>
internal static class HourLines
{
    /// <summary>What is sent at a time: all nodes' samples and events of so long.</summary>
    public static readonly TimeSpan Window = TimeSpan.FromMinutes(2);

    private static readonly TimeSpan Longest = TimeSpan.FromHours(2);

    private const int SamplesMost = 12;
    private const int EventsMost = 32;

    /// <summary>The lines, in order.</summary>
    public static IEnumerable<ReadOnlyMemory<byte>> Of(IReadOnlyList<(string Node, HourPicture Picture)> nodes)
    {
        BackwardHour[] hours = [.. nodes.Select(static n => new BackwardHour(n.Node, n.Picture))];
        long newest = hours.Max(static h => h.Newest) ?? 0;
        // Whatever a node says of its clock: an hour is an hour.
        long oldest = Math.Max(hours.Min(static h => h.Oldest) ?? 0, newest - (long)Longest.TotalMilliseconds);
        yield return Line(json => WriteBegin(json, hours, oldest));
        for (long from = newest; from > oldest;)
        {
            from -= (long)Window.TotalMilliseconds;
            foreach (BackwardHour hour in hours)
            {
                for (List<BackwardSample> some; (some = hour.TakeSamples(from, SamplesMost)).Count > 0;)
                    yield return Line(json => WriteSamples(json, hour, some));
                for (List<ReadOnlyMemory<byte>> some; (some = hour.TakeEvents(from, EventsMost)).Count > 0;)
                    yield return Line(json => WriteEvents(json, some));
            }

            yield return Line(json => json.WriteNumber("from", from));
        }

        // Events of before the first sample.
        foreach (BackwardHour hour in hours)
        {
            for (List<ReadOnlyMemory<byte>> some; (some = hour.TakeEvents(long.MinValue, EventsMost)).Count > 0;)
                yield return Line(json => WriteEvents(json, some));
        }

        yield return Line(static json => json.WriteBoolean("done", true));
    }

    private static void WriteBegin(Utf8JsonWriter json, BackwardHour[] hours, long oldest)
    {
        json.WriteNumber("oldest", oldest);
        json.WriteStartArray("of");
        foreach (BackwardHour hour in hours)
        {
            json.WriteStartObject();
            json.WriteString("node", hour.Node);
            json.WriteNumber("from", hour.Oldest ?? 0);
            if (hour.EventsDropped > 0)
            {
                json.WriteNumber("dropped", hour.EventsDropped);
                if (hour.OldestEvent is { } at) json.WriteNumber("events_from", at);
            }

            json.WriteEndObject();
        }

        json.WriteEndArray();
    }

    private static void WriteSamples(Utf8JsonWriter json, BackwardHour hour, List<BackwardSample> samples)
    {
        json.WriteString("node", hour.Node);
        if (samples[0].IsNewest)
        {
            json.WriteStartArray("names");
            foreach (string name in hour.Names) json.WriteStringValue(name);
            json.WriteEndArray();
        }

        json.WriteStartArray("samples");
        foreach (BackwardSample sample in samples)
        {
            json.WriteStartObject();
            json.WriteNumber("t", sample.UnixMs);
            json.WriteStartArray("f");
            foreach ((int name, long change) in sample.Changes)
            {
                json.WriteNumberValue(name);
                json.WriteNumberValue(change);
            }

            json.WriteEndArray();
            if (sample.Leaders.Count > 0) WriteLeaders(json, sample.Leaders);
            if (sample.Facts.Length > 0)
            {
                json.WritePropertyName("x");
                LiveMessages.WriteRaw(json, sample.Facts);
            }

            json.WriteEndObject();
        }

        json.WriteEndArray();
    }

    private static void WriteLeaders(Utf8JsonWriter json, IReadOnlyList<HourLeader> leaders)
    {
        json.WriteStartArray("l");
        foreach (HourLeader leader in leaders)
        {
            json.WriteNumberValue(leader.Shard);
            json.WriteNumberValue(leader.Node);
            json.WriteNumberValue(leader.Term);
        }

        json.WriteEndArray();
    }

    private static void WriteEvents(Utf8JsonWriter json, List<ReadOnlyMemory<byte>> events)
    {
        json.WriteStartArray("events");
        foreach (ReadOnlyMemory<byte> e in events) LiveMessages.WriteRaw(json, e);
        json.WriteEndArray();
    }

    private static ReadOnlyMemory<byte> Line(Action<Utf8JsonWriter> write)
    {
        var buffer = new ArrayBufferWriter<byte>(2048);
        using (var json = new Utf8JsonWriter(buffer, new JsonWriterOptions { SkipValidation = true }))
        {
            json.WriteStartObject();
            json.WriteStartObject("hour");
            write(json);
            json.WriteEndObject();
            json.WriteEndObject();
        }

        buffer.Write("\n"u8);
        return buffer.WrittenMemory;
    }
}
