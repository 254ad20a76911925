using NoriKV.Node.Replication;
using NoriKV.Types;

namespace NoriKV.Node.Tests.Replication;

/// <summary>What cannot be done before its deadline is refused when it comes, not when it is too late.</summary>
public sealed class SheddingTests
{
    private static readonly long Second = TimeProvider.System.TimestampFrequency;

    [Fact]
    public void A_queue_is_told_from_the_time_of_those_that_stood_in_it()
    {
        var time = new ManualTime();
        var pace = new QueuePace(time);
        Assert.Equal(TimeSpan.Zero, pace.Expect(1000));
        // Ten that found a hundred before them took a second each: ten milliseconds for each place.
        pace.Note(10 * time.TimestampFrequency, 10 * 100);
        Assert.Equal(5, pace.Expect(500).TotalSeconds, 0.001);
        Assert.Equal(TimeSpan.Zero, pace.Expect(QueuePace.CrowdMin - 1));
        time.Advance(TimeSpan.FromSeconds(2));
        Assert.Equal(TimeSpan.Zero, pace.Expect(500));
    }

    [Fact]
    public void The_pace_follows_what_comes_out()
    {
        var time = new ManualTime();
        var pace = new QueuePace(time);
        pace.Note(time.TimestampFrequency, 100);
        for (int i = 0; i < 50; i++) pace.Note(2 * time.TimestampFrequency, 100);
        Assert.Equal(2, pace.Expect(100).TotalSeconds, 0.01);
    }

    [Fact]
    public void A_write_that_would_be_late_is_refused_with_the_time_to_come_back_and_takes_no_room()
    {
        var time = new ManualTime();
        var pace = new QueuePace(time);
        var admission = new Admission(1000, 1 << 20, 1 << 20, pace);
        pace.Note(time.TimestampFrequency, 100); // 10 ms a place
        for (int i = 0; i < 100; i++) Assert.Null(admission.TryEnter(10, TimeSpan.FromSeconds(5), out _));

        KvError? late = admission.TryEnter(10, TimeSpan.FromSeconds(1), out _);
        Assert.Equal(KvCode.Overloaded, late?.Code);
        Assert.Equal(0.5, late!.RetryAfter!.Value.TotalSeconds, 0.01);
        Assert.Contains("was not done", late.Message, StringComparison.Ordinal);
        Assert.Equal((100, 1000), (admission.Count, admission.Bytes));

        Assert.Null(admission.TryEnter(10, TimeSpan.FromSeconds(2), out int ahead));
        Assert.Equal(100, ahead);
        Assert.Null(admission.TryEnter(10, TimeSpan.MaxValue, out _));
    }
}
