namespace Nori.Observe.Otlp.Tests;

/// <summary>Bounds, and what is counted where they are met.</summary>
public sealed class QueueTests : IDisposable
{
    private static readonly Uri Nowhere = new("http://127.0.0.1:1");
    private readonly Sender _sender = new();

    public void Dispose() => _sender.Dispose();

    [Fact]
    public async Task A_full_queue_drops_and_counts_and_goes_on()
    {
        using Subject subject = Make(o => o with { QueueSpansMax = 4, BatchSpansMax = 4 });
        for (int i = 0; i < 10; i++) subject.End("a");
        Assert.Equal(6, subject.Spans("dropped"));
        await subject.Exporter.FlushAsync();
        Assert.Equal(4, subject.Spans("exported"));
        subject.End("a");
        await subject.Exporter.FlushAsync();
        Assert.Equal(5, subject.Spans("exported"));
    }

    [Fact]
    public async Task A_full_batch_does_not_wait_for_the_interval()
    {
        using Subject subject = Make(o => o with { BatchSpansMax = 3 });
        subject.End("a");
        subject.End("a");
        Assert.False(await subject.Exporter.RunOnceAsync());
        subject.End("a");
        Assert.True(await subject.Exporter.RunOnceAsync());
        Assert.Equal(1, _sender.Requests);
    }

    [Fact]
    public async Task After_the_last_retry_the_batch_is_dropped_and_the_next_one_is_sent()
    {
        using Subject subject = Make(o => o with { RetriesMax = 2 });
        _sender.Answer = SendResult.Failed("later", mayPass: true);
        subject.End("a");
        for (int i = 0; i < 3; i++)
        {
            subject.Clock.Advance(TimeSpan.FromMinutes(1));
            await subject.Exporter.RunOnceAsync();
        }

        Assert.Equal(1, subject.Spans("failed"));
        _sender.Answer = default;
        subject.End("b");
        subject.Clock.Advance(TimeSpan.FromMinutes(1));
        await subject.Exporter.RunOnceAsync();
        Assert.Equal(1, subject.Spans("exported"));
    }

    [Fact]
    public async Task A_retry_waits_as_long_as_the_collector_asks_and_at_most_a_minute()
    {
        using Subject subject = Make(static o => o);
        _sender.Answer = SendResult.Failed("later", mayPass: true, TimeSpan.FromHours(5));
        subject.End("a");
        subject.Clock.Advance(TimeSpan.FromSeconds(2));
        await subject.Exporter.RunOnceAsync();
        int after = _sender.Requests;
        subject.Clock.Advance(TimeSpan.FromSeconds(14));
        await subject.Exporter.RunOnceAsync();
        subject.Clock.Advance(TimeSpan.FromSeconds(45));
        await subject.Exporter.RunOnceAsync();
        Assert.Equal(after, _sender.Traces);
        subject.Clock.Advance(TimeSpan.FromSeconds(2));
        await subject.Exporter.RunOnceAsync();
        Assert.Equal(after + 1, _sender.Traces);
    }

    [Fact]
    public async Task The_end_sends_what_waits_once()
    {
        Subject subject = Make(o => o with { BatchSpansMax = 2 });
        for (int i = 0; i < 5; i++) subject.End("a");
        await using (new OtlpLoop(subject.Exporter, null, subject.Clock))
        {
        }

        Assert.Equal(5, subject.Spans("exported"));
        subject.End("late");
        Assert.Equal(1, subject.Spans("dropped"));
    }

    [Theory]
    [InlineData("", 0)]
    [InlineData("0A02080C", 12)]
    [InlineData("0A0A1A03414243080C120161", 12)]
    [InlineData("0A0612016108", 0)]
    [InlineData("FFFFFFFFFFFFFFFFFFFFFF", 0)]
    [InlineData("0AFFFFFFFF0F", 0)]
    [InlineData("0A0A08FFFFFFFFFFFFFFFFFF", 0)]
    public void A_partial_success_is_read_and_nonsense_is_none(string hex, long rejected) =>
        Assert.Equal(rejected, PartialSuccess.Rejected(Convert.FromHexString(hex)));

    [Fact]
    public void Options_that_cannot_be_are_refused()
    {
        var options = new OtlpOptions
        {
            Endpoint = new Uri("ftp://x"),
            MetricInterval = TimeSpan.Zero,
            SpanInterval = TimeSpan.Zero,
            Timeout = TimeSpan.Zero,
            QueueSpansMax = 1,
            RetriesMax = -1,
            RetryDelay = TimeSpan.Zero,
        };
        Assert.Equal(7, options.Validate().Count);
        Assert.Throws<ArgumentException>(() => new OtlpExporter(options, null));
    }

    private Subject Make(Func<OtlpOptions, OtlpOptions> change) => new(Nowhere, OtlpProtocol.Grpc, change, _sender);

    private sealed class Sender : IOtlpSender
    {
        public SendResult Answer { get; set; }

        public int Requests { get; private set; }

        public int Traces { get; private set; }

        public ValueTask<SendResult> SendAsync(Signal signal, ReadOnlyMemory<byte> request, CancellationToken cancellationToken)
        {
            Requests++;
            if (signal == Signal.Traces) Traces++;
            return ValueTask.FromResult(Answer);
        }

        public void Dispose()
        {
        }
    }
}
