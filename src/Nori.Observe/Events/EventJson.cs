using System.Globalization;
using System.Text.Json;

namespace Nori.Observe;

/// <summary>
/// Events as JSON, one object each:
/// <c>{"seq":1,"t":"2026-11-21T09:30:00.123Z","node":"n1","family":"Wal","kind":"SegmentRoll","seg":3}</c>.
/// </summary>
/// <remarks>
/// A field of the event that is named <c>node</c> (the leader of LeaderElected) takes the place of the emitting
/// node's name; a number that JSON cannot say is null.
/// </remarks>
public static class EventJson
{
    private const string TimeFormat = "yyyy-MM-dd'T'HH:mm:ss.fff'Z'";

    /// <summary>Writes the event as one object.</summary>
    /// <param name="json">Takes it; flushing is the caller's.</param>
    /// <param name="record">The event.</param>
    /// <param name="node">The name of the node that emitted it.</param>
    public static void Write(Utf8JsonWriter json, EventRecord record, string node) => WriteAll(json, record, node, null);

    /// <summary>As above, with the epoch of the number behind it: what a reader needs to go on there in another process.</summary>
    /// <param name="json">Takes it; flushing is the caller's.</param>
    /// <param name="record">The event.</param>
    /// <param name="node">The name of the node that emitted it.</param>
    /// <param name="epoch">The <see cref="EventRing.Epoch"/> of the ring it comes from.</param>
    public static void Write(Utf8JsonWriter json, EventRecord record, string node, long epoch) =>
        WriteAll(json, record, node, epoch);

    private static void WriteAll(Utf8JsonWriter json, EventRecord record, string node, long? epoch)
    {
        json.WriteStartObject();
        json.WriteNumber("seq"u8, record.Sequence);
        if (epoch is { } whose) json.WriteNumber("epoch"u8, whose);
        Span<char> time = stackalloc char[32];
        record.Time.UtcDateTime.TryFormat(time, out int length, TimeFormat, CultureInfo.InvariantCulture);
        json.WriteString("t"u8, time[..length]);
        if (!HasNode(record)) json.WriteString("node"u8, node);
        json.WriteString("family"u8, record.Family);
        json.WriteString("kind"u8, record.Kind);
        foreach (EventField field in record.Fields) WriteField(json, field);
        json.WriteEndObject();
    }

    private static bool HasNode(EventRecord record)
    {
        foreach (EventField field in record.Fields)
        {
            if (field.Name == "node") return true;
        }

        return false;
    }

    private static void WriteField(Utf8JsonWriter json, in EventField field)
    {
        switch (field.Kind)
        {
            case EventFieldKind.Integer:
                json.WriteNumber(field.Name, field.Integer);
                break;
            case EventFieldKind.Number when double.IsFinite(field.Number):
                json.WriteNumber(field.Name, field.Number);
                break;
            case EventFieldKind.Number:
                json.WriteNull(field.Name);
                break;
            default:
                json.WriteString(field.Name, field.Text);
                break;
        }
    }
}
