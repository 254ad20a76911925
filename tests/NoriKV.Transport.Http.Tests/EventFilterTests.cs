using System.Reflection;
using Nori.Observe;

namespace NoriKV.Transport.Http.Tests;

public sealed class EventFilterTests
{
    [Fact]
    public void A_word_that_no_event_has_is_refused_with_those_that_there_are()
    {
        _ = new EventFilter(["wal", "Raft"], ["fsync"]);
        var family = Assert.Throws<BadTargetException>(static () => new EventFilter(["Wal", "Nope"], []));
        Assert.Contains("'Nope' of events; known are Wal, Lsm, Compaction", family.Message);
        var kind = Assert.Throws<BadTargetException>(static () => new EventFilter([], ["Nope"]));
        Assert.Contains("SegmentRoll, Fsync", kind.Message);
    }

    [Fact]
    public void Every_event_of_ours_has_words_that_a_filter_knows()
    {
        IEvent[] events =
        [
            .. Directory.GetFiles(AppContext.BaseDirectory, "Nori*.dll")
                .Where(static file => !Path.GetFileName(file).Contains("Tests", StringComparison.Ordinal))
                .SelectMany(static file => Assembly.LoadFrom(file).GetTypes())
                .Where(static type => type.IsValueType && typeof(IEvent).IsAssignableFrom(type))
                .Select(static type => (IEvent)Activator.CreateInstance(type)!),
        ];
        Assert.True(events.Length > 10, $"only {events.Length} events found");
        Assert.All(events, static e => Assert.NotNull(new EventFilter([e.Family], [e.Kind])));
    }
}
