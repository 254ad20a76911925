using System.Buffers;
using System.Text.Json;

namespace NoriKV.Server.Live;

/// <summary>The last hour of the nodes as messages to a watcher, small ones, so that they fit between those of the present.</summary>
internal static class HourChunks
{
    private const int SamplesMost = 12;
    private const int EventsMost = 16;

    /// <summary>The messages in order; the last one says that it is the last.</summary>
    public static IEnumerable<ReadOnlyMemory<byte>> Of(IReadOnlyList<(string Node, HourPicture Picture)> nodes)
    {
        foreach ((string node, HourPicture picture) in nodes)
        {
            for (int i = 0; i < picture.Samples.Count; i += SamplesMost)
            {
                int from = i;
                yield return Message(json =>
                {
                    json.WriteString("node", node);
                    if (from == 0) WriteNames(json, picture.Names);
                    json.WriteStartArray("samples");
                    foreach (HourSample sample in picture.Samples.Skip(from).Take(SamplesMost)) WriteSample(json, sample);
                    json.WriteEndArray();
                });
            }
        }

        foreach ((_, HourPicture picture) in nodes)
        {
            foreach (ReadOnlyMemory<byte>[] some in picture.Events.Reverse().Chunk(EventsMost))
            {
                yield return Message(json =>
                {
                    json.WriteStartArray("events");
                    foreach (ReadOnlyMemory<byte> e in some) LiveMessages.WriteRaw(json, e);
                    json.WriteEndArray();
                });
            }
        }

        yield return Message(static json => json.WriteBoolean("done", true));
    }

    private static void WriteNames(Utf8JsonWriter json, IReadOnlyList<string> names)
    {
        json.WriteStartArray("names");
        foreach (string name in names) json.WriteStringValue(name);
        json.WriteEndArray();
    }

    private static void WriteSample(Utf8JsonWriter json, in HourSample sample)
    {
        json.WriteStartArray();
        json.WriteNumberValue(sample.UnixMs);
        foreach ((int name, long change) in sample.Changes)
        {
            json.WriteNumberValue(name);
            json.WriteNumberValue(change);
        }

        json.WriteEndArray();
    }

    private static ReadOnlyMemory<byte> Message(Action<Utf8JsonWriter> write)
    {
        var buffer = new ArrayBufferWriter<byte>(2048);
        using var json = new Utf8JsonWriter(buffer, new JsonWriterOptions { SkipValidation = true });
        json.WriteStartObject();
        json.WriteStartObject("hour");
        write(json);
        json.WriteEndObject();
        json.WriteEndObject();
        json.Flush();
        return buffer.WrittenMemory;
    }
}
