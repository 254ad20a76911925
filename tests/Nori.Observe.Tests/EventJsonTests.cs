using System.Buffers;
using System.Text;
using System.Text.Json;

namespace Nori.Observe.Tests;

public sealed class EventJsonTests
{
    private sealed class FixedTime : TimeProvider
    {
        public override DateTimeOffset GetUtcNow() => new(2026, 11, 21, 9, 30, 0, 123, TimeSpan.Zero);
    }

    [Fact]
    public void An_event_has_the_form_of_the_wire()
    {
        Assert.Equal(
            """{"seq":1,"t":"2026-11-21T09:30:00.123Z","node":"n1","family":"Wal","kind":"SegmentRoll","seg":3,"bytes":134217728}""",
            Json(new SegmentRolled(3, 134217728)));
    }

    [Fact]
    public void The_events_own_node_takes_the_place_of_the_emitters()
    {
        Assert.Equal(
            """{"seq":1,"t":"2026-11-21T09:30:00.123Z","family":"Raft","kind":"LeaderElected","shard":7,"node":"n\u0022"}""",
            Json(new LeaderElected(7, "n\"")));
    }

    [Theory]
    [InlineData(0.5, "0.5")]
    [InlineData(double.NaN, "null")]
    [InlineData(double.NegativeInfinity, "null")]
    public void A_number_that_json_cannot_say_is_null(double number, string written)
    {
        Assert.Contains($"\"ratio\":{written}}}", Json(new WideEvent(1, number)), StringComparison.Ordinal);
    }

    private static string Json<T>(T e)
        where T : struct, IEvent
    {
        EventRing ring = new(2, new FixedTime());
        EventSubscription watcher = ring.Subscribe();
        ring.Emit(e);
        EventRecord record = new();
        Assert.True(watcher.TryRead(record));
        ArrayBufferWriter<byte> output = new();
        using (Utf8JsonWriter json = new(output)) EventJson.Write(json, record, "n1");
        return Encoding.UTF8.GetString(output.WrittenSpan);
    }
}
