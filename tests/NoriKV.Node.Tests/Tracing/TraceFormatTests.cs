using System.Text.Json;
using Nori.Core;
using Nori.Observe;
using NoriKV.Node.Routing;
using NoriKV.Node.Tracing;
using NoriKV.Types;

namespace NoriKV.Node.Tests.Tracing;

/// <summary>Traces between nodes and as JSON.</summary>
public sealed class TraceFormatTests
{
    private static readonly RequestTrace Trace = new()
    {
        At = new DateTimeOffset(2026, 11, 22, 9, 0, 0, TimeSpan.Zero),
        Sequence = 7,
        Operation = "put",
        Shard = new ShardId(309),
        Node = "n1",
        ServedBy = "n2",
        Forwards = 1,
        Status = "ok",
        Total = TimeSpan.FromMicroseconds(1500),
        TraceId = "4bf92f3577b34da6a3ce929d0e0e4736",
        Stages =
        [
            new TraceStage(StageNames.Route, "n1", TimeSpan.Zero, TimeSpan.FromMicroseconds(0.5)),
            new TraceStage(StageNames.Peer, "n1", TimeSpan.FromMicroseconds(0.5), TimeSpan.FromMicroseconds(1499.5), "n3"),
        ],
        Beside = [new TraceStage(StageNames.Fsync, "n1", TimeSpan.FromMicroseconds(1), TimeSpan.FromMicroseconds(1499), "", true)],
    };

    [Fact]
    public void A_traced_call_and_its_answer_come_back_as_they_were()
    {
        byte[] head = new byte[TracedCall.HeadBytesMax];
        var context = new TraceContext(1, 2, 3, true);
        byte[] request = [.. head.AsSpan(0, TracedCall.WriteHead(head, context)), 9, 8];
        Assert.True(TracedCall.TryRead(request, out TraceContext read, out ReadOnlyMemory<byte> body));
        Assert.Equal((context, 2), (read, body.Length));
        TraceContext stated = context.WithState("vendor=1,other=" + new string('x', 400));
        byte[] third = [.. head.AsSpan(0, TracedCall.WriteHead(head, stated)), 9, 8, 7];
        Assert.True(TracedCall.TryRead(third, out read, out body));
        Assert.Equal((stated, 3), (read, body.Length));
        Assert.NotNull(read.State);
        byte[] without = [.. head.AsSpan(0, TracedCall.WriteHead(head, default)), 9];
        Assert.True(TracedCall.TryRead(without, out read, out body));
        Assert.True(read.IsNone);
        Assert.Equal(1, body.Length);

        byte[] answer = TracedCall.Answer(Trace, [5, 6, 7]);
        Assert.True(TracedCall.TryReadAnswer(answer, out RemoteTrace? remote, out body));
        Assert.Equal([5, 6, 7], body.ToArray());
        Assert.Equal(Trace.Total, remote!.Total);
        Assert.Equal(Trace.Stages, remote.Stages);
        Assert.Equal(Trace.Beside, remote.Beside);
    }

    [Fact]
    public void Bytes_that_are_no_traced_call_are_refused_and_nothing_worse()
    {
        var random = new Prng(11);
        byte[] head = new byte[TracedCall.HeadBytesMax];
        TracedCall.WriteHead(head, new TraceContext(1, 2, 3, true).WithState("vendor=1"));
        byte[] answer = TracedCall.Answer(Trace, [5, 6, 7]);
        for (int i = 0; i < 20_000; i++)
        {
            byte[] bytes = [.. i % 2 == 0 ? head : answer];
            for (int change = random.NextInt(1, 4); change > 0; change--)
                bytes[random.NextInt(0, bytes.Length)] = (byte)random.NextInt(0, 256);
            ReadOnlyMemory<byte> cut = bytes.AsMemory(0, random.NextInt(0, bytes.Length + 1));
            if (i % 2 == 0) TracedCall.TryRead(cut, out _, out _);
            else if (TracedCall.TryReadAnswer(cut, out RemoteTrace? read, out _)) Assert.InRange(read!.Stages.Count, 0, 128);
        }

        Assert.False(TracedCall.TryRead(new byte[] { 2, 0 }, out _, out _));
        Assert.False(TracedCall.TryReadAnswer(new byte[] { 2, 0, 0 }, out _, out _));
        Assert.False(TracedCall.TryReadAnswer(default, out _, out _));
    }

    [Fact]
    public void What_another_node_tells_is_fitted_into_the_time_its_call_took()
    {
        var time = new ManualTime();
        var random = new Prng(5);
        for (int i = 0; i < 2000; i++)
        {
            var probe = new RequestProbe(time, time.GetTimestamp()) { Node = "n1" };
            time.AdvanceMs(random.NextInt(0, 3));
            probe.Add(StageNames.Route, "n1", time.GetTimestamp());
            time.AdvanceMs(random.NextInt(0, 5));
            var told = new RemoteTrace(
                TimeSpan.FromMicroseconds(random.NextInt(0, 9000)),
                [
                    .. Enumerable.Range(0, random.NextInt(0, 80)).Select(_ => new TraceStage(
                        "x", "n2", TimeSpan.Zero, TimeSpan.FromMicroseconds(random.NextInt(0, 4000)))),
                ],
                []);
            probe.AddCall("n2", time.GetTimestamp(), told, "");
            time.AdvanceMs(1);
            RequestTrace trace = probe.End();
            Assert.Equal(trace.Total, trace.Stages.Aggregate(TimeSpan.Zero, static (sum, s) => sum + s.Length));
            Assert.All(trace.Stages, static s => Assert.True(s.Length >= TimeSpan.Zero));
            Assert.InRange(trace.Stages.Count, 1, RequestProbe.StagesMax);
        }
    }

    [Fact]
    public void Many_tries_are_one_stage_and_the_beginning_and_the_end_are_told()
    {
        var time = new ManualTime();
        var probe = new RequestProbe(time, time.GetTimestamp()) { Node = "n1" };
        for (int i = 0; i < 300; i++)
        {
            time.AdvanceMs(1);
            probe.Add(i % 2 == 0 ? StageNames.Route : StageNames.Pause, "n1", time.GetTimestamp());
        }

        time.AdvanceMs(2);
        probe.Add(StageNames.Apply, "n1", time.GetTimestamp());
        RequestTrace trace = probe.End();
        Assert.Equal(RequestProbe.StagesMax, trace.Stages.Count);
        Assert.Equal(TimeSpan.FromMilliseconds(302), trace.Stages.Aggregate(TimeSpan.Zero, static (sum, s) => sum + s.Length));
        TraceStage retries = Assert.Single(trace.Stages, static s => s.Name == StageNames.Retries);
        Assert.Equal(("238 stages", TimeSpan.FromMilliseconds(238)), (retries.Detail, retries.Length));
        Assert.Equal((StageNames.Route, StageNames.Apply), (trace.Stages[0].Name, trace.Stages[^1].Name));
        Assert.Equal(TimeSpan.FromMilliseconds(2), trace.Stages[^1].Length);
        Assert.All(trace.Stages.Zip(trace.Stages.Skip(1)), static p => Assert.Equal(p.First.Start + p.First.Length, p.Second.Start));
    }

    [Fact]
    public void Json_comes_back_as_it_was()
    {
        using var stream = new MemoryStream();
        using (var writer = new Utf8JsonWriter(stream)) RequestTraceJson.Write(writer, Trace);
        using JsonDocument json = JsonDocument.Parse(stream.ToArray());
        RequestTrace read = RequestTraceJson.Read(json.RootElement);
        Assert.Equal(Trace.Stages, read.Stages);
        Assert.Equal(Trace.Beside, read.Beside);
        Assert.Equal(Trace with { Stages = [], Beside = [] }, read with { Stages = [], Beside = [] });
        using JsonDocument other = JsonDocument.Parse("""{"stages":[]}""");
        Assert.Throws<InvalidDataException>(() => RequestTraceJson.Read(other.RootElement));
    }
}
