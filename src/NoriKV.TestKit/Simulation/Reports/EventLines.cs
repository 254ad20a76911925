using System.Buffers;
using System.Text;
using System.Text.Json;
using Nori.Observe;
using Nori.Wal;
using NoriKV.TestKit.Simulation.Scheduling;

namespace NoriKV.TestKit.Simulation.Reports;

/// <summary>
/// What happened in a run, as lines of a recording of events (docs/formats/events.md): those of the nodes, and under the family
/// <c>Sim</c> what was done to them. Times are the run's own, so equal runs give equal lines.
/// </summary>
internal sealed class EventLines(EventQueue events, Action<string> take)
{
    private readonly SimClock _clock = new(events, SimWorld.Epoch, 1, 1, 0);
    private readonly ArrayBufferWriter<byte> _bytes = new(512);
    private long _told;

    /// <summary>Takes the events of a node from one start of it on.</summary>
    public IEventSink Of(string node) => new NodeSink(this, node);

    /// <summary>A line of the story; what is not about a node has no name.</summary>
    public void Tell(string who, string what) => Write(json =>
    {
        json.WriteStartObject();
        json.WriteNumber("seq"u8, ++_told);
        json.WriteString("t"u8, _clock.GetUtcNow().UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", null));
        if (char.IsAsciiLetterLower(who[0]) && char.IsAsciiDigit(who[^1])) json.WriteString("node"u8, who);
        json.WriteString("family"u8, "Sim");
        json.WriteString("kind"u8, KindOf(who, what));
        json.WriteString("text"u8, what);
        json.WriteEndObject();
    });

    // What a page has to know to draw a node as gone; the rest is for people.
    private static string KindOf(string who, string what) => who == "!!" ? "Violation" : what.Split(' ', ',', ':')[0] switch
    {
        "started" => "Started",
        "crashed" or "loses" => "Crashed",
        "stops" => "Stopped",
        "failed" or "does" => "Failed",
        _ => "Told",
    };

    private void Write(Action<Utf8JsonWriter> write)
    {
        _bytes.ResetWrittenCount();
        using (var json = new Utf8JsonWriter(_bytes)) write(json);
        take(Encoding.UTF8.GetString(_bytes.WrittenSpan));
    }

    // Syncs are left out: there are more of them than of all others, and a disk in virtual time has no speed to show.
    private sealed class NodeSink(EventLines lines, string node) : IEventSink
    {
        private readonly EventRing _last = new(1, lines._clock);
        private readonly EventRecord _record = new();
        private EventSubscription? _reader;

        public void Emit<T>(in T e)
            where T : struct, IEvent
        {
            if (typeof(T) == typeof(Fsync)) return;
            _reader ??= _last.Subscribe(0);
            _last.Emit(e);
            if (_reader.TryRead(_record)) lines.Write(json => EventJson.Write(json, _record, node));
        }
    }
}
