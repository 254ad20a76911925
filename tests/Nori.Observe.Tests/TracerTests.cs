namespace Nori.Observe.Tests;

public sealed class TracerTests
{
    private static readonly TraceContext Caller = new(1, 2, 3, true);
    private readonly Kept _kept = new();

    [Fact]
    public void A_span_of_a_sampled_caller_is_its_child_in_the_same_trace()
    {
        Span? span = Make(0).Begin("Put", SpanKind.Server, Caller);
        Assert.NotNull(span);
        Assert.Equal(3UL, span.Parent);
        Assert.Equal(Caller.TraceId, span.Context.TraceId);
        Assert.NotEqual(Caller.Span, span.Context.Span);
        Assert.True(span.Context.IsSampled);
    }

    [Fact]
    public void A_caller_that_does_not_sample_is_believed_even_where_everything_is_sampled()
    {
        Assert.Null(Make(1).Begin("Put", SpanKind.Server, Caller with { IsSampled = false }));
        Assert.NotNull(Make(1).Begin("Put", SpanKind.Server));
    }

    [Fact]
    public void Callers_need_not_be_followed()
    {
        var tracer = new Tracer(_kept, 1, new TracerOptions { SampleRatio = 0, FollowsCaller = false });
        Assert.Null(tracer.Begin("Put", SpanKind.Server, Caller));
    }

    [Theory]
    [InlineData(0, 0, 0)]
    [InlineData(1, 10_000, 10_000)]
    [InlineData(0.01, 60, 140)]
    public void The_ratio_is_kept(double ratio, int least, int most)
    {
        var tracer = new Tracer(_kept, 7, new TracerOptions { SampleRatio = ratio, SpansPerSecondMax = int.MaxValue });
        int sampled = Enumerable.Range(0, 10_000).Count(_ => tracer.Begin("x", SpanKind.Internal) is not null);
        Assert.InRange(sampled, least, most);
    }

    [Fact]
    public void More_than_the_bound_in_a_second_are_suppressed_and_counted()
    {
        var clock = new Clock();
        var tracer = new Tracer(_kept, 7, new TracerOptions { SampleRatio = 1, SpansPerSecondMax = 3 }, clock);
        Assert.Equal(3, Enumerable.Range(0, 10).Count(_ => tracer.Begin("x", SpanKind.Internal) is not null));
        Assert.Equal(7, tracer.Suppressed);
        clock.Ticks += clock.TimestampFrequency;
        Assert.NotNull(tracer.Begin("x", SpanKind.Internal));
    }

    [Fact]
    public void Equal_seeds_give_equal_ids_and_other_seeds_others()
    {
        static TraceContext First(ulong seed) =>
            new Tracer(new Kept(), seed, new TracerOptions { SampleRatio = 1 }).Begin("x", SpanKind.Internal)!.Context;

        Assert.Equal(First(1), First(1));
        Assert.NotEqual(First(1).TraceId, First(2).TraceId);
    }

    [Fact]
    public void A_span_ends_once_with_its_stages_where_they_were()
    {
        var clock = new Clock();
        var tracer = new Tracer(_kept, 1, new TracerOptions { SampleRatio = 1 }, clock);
        Span span = tracer.Begin("Put", SpanKind.Server)!;
        DateTimeOffset start = span.Start;
        long from = clock.GetTimestamp() + clock.TimestampFrequency / 10;
        span.AddStage("fsync", from, from + clock.TimestampFrequency / 20);
        span.AddStage("backwards", from, from - 1);
        span.SetAttribute("result", "done");
        clock.Ticks += clock.TimestampFrequency;
        span.End();
        span.SetAttribute("late", "x");
        span.Fail("late");
        span.AddStage("late", from, from + 1);
        span.End();

        Span ended = Assert.Single(_kept.Spans);
        Assert.Equal(TimeSpan.FromSeconds(1), ended.Duration);
        Assert.Null(ended.Error);
        Assert.Equal([new Label("result", "done")], ended.Attributes);
        SpanStage stage = Assert.Single(ended.Stages);
        Assert.Equal(start + TimeSpan.FromMilliseconds(100), stage.Start);
        Assert.Equal(TimeSpan.FromMilliseconds(50), stage.Duration);
    }

    [Fact]
    public void What_a_span_holds_is_bounded()
    {
        Span span = Make(1).Begin("Put", SpanKind.Server)!;
        for (int i = 0; i < 100; i++)
        {
            span.SetAttribute("a", "b");
            span.AddStage("s", 0, 1);
        }

        Assert.Equal(Span.PartsMax, span.Attributes.Count);
        Assert.Equal(Span.PartsMax, span.Stages.Count);
    }

    // A request that is tried again and again has more stages than are kept: what is told of them is still the whole.
    [Fact]
    public void Stages_beyond_those_kept_become_one_and_sum_to_the_whole()
    {
        var clock = new Clock();
        var tracer = new Tracer(_kept, 1, new TracerOptions { SampleRatio = 1 }, clock);
        Span span = tracer.Begin("Put", SpanKind.Server)!;
        long began = span.StartedAt, step = clock.TimestampFrequency / 1000;
        for (int i = 0; i < 200; i++)
        {
            span.AddStage($"s{i}", began + (i * step), began + ((i + 1) * step));
            if (i % 50 == 0) span.AddStage("beside", began, began + step, isBeside: true);
        }

        SpanStage[] path = [.. span.Stages.Where(static s => !s.IsBeside)];
        Assert.Equal(Span.PartsMax, span.Stages.Count);
        Assert.Equal(TimeSpan.FromMilliseconds(200), path.Aggregate(TimeSpan.Zero, static (sum, s) => sum + s.Duration));
        Assert.All(path.Zip(path.Skip(1)), static p => Assert.Equal(p.First.Start + p.First.Duration, p.Second.Start));
        SpanStage retries = Assert.Single(path, static s => s.Name == "retries");
        Assert.Equal($"{200 - path.Length + 1} stages", retries.Detail);
        Assert.Equal(("s0", "s199"), (path[0].Name, path[^1].Name));
    }

    [Fact]
    public void What_is_not_sampled_allocates_nothing()
    {
        Tracer tracer = Make(0.000001);
        Assert.Equal(0, Allocations.Least(() =>
        {
            for (int i = 0; i < 1000; i++) tracer.Begin("x", SpanKind.Server)?.End();
        }));
    }

    [Fact]
    public void Options_that_cannot_be_are_refused()
    {
        Assert.Equal(2, new TracerOptions { SampleRatio = double.NaN, SpansPerSecondMax = 0 }.Validate().Count);
        Assert.Throws<ArgumentException>(() => new Tracer(_kept, 1, new TracerOptions { SampleRatio = 2 }));
    }

    private Tracer Make(double ratio) => new(_kept, 1, new TracerOptions { SampleRatio = ratio });

    private sealed class Kept : ISpanSink
    {
        public List<Span> Spans { get; } = [];

        public void Take(Span span) => Spans.Add(span);
    }

    private sealed class Clock : TimeProvider
    {
        public long Ticks { get; set; } = 1_000_000;

        public override long GetTimestamp() => Ticks;
    }
}
