namespace Nori.Observe.Otlp;

/// <summary>
/// opentelemetry.proto.collector.trace.v1.ExportTraceServiceRequest. A span's stages become its children.
/// <code>
/// Span { 1: trace id, 2: span id, 3: tracestate, 4: parent, 5: name, 6: kind, 7: start ns, 8: end ns, 9: KeyValue…,
///        15: Status { 2: text, 3: code } }
/// </code>
/// </summary>
internal static class SpanEncoder
{
    private const int StatusError = 2;

    public static void Encode(ProtoWriter writer, IReadOnlyList<Span> spans, IReadOnlyList<Label> resource)
    {
        (int, int) begun = CommonEncoder.Begin(writer, resource);
        foreach (Span span in spans)
        {
            Write(writer, span);
            foreach (SpanStage stage in span.Stages) Write(writer, span, stage);
        }

        CommonEncoder.End(writer, begun);
    }

    private static void Write(ProtoWriter writer, Span span)
    {
        int begin = Begin(writer, span.Context, span.Context.Span, span.Parent, span.Name, span.Kind, span.Start, span.Duration);
        foreach (Label label in span.Attributes) CommonEncoder.Attribute(writer, 9, label);
        if (span.Error is { } error)
        {
            int status = writer.Begin(15);
            writer.Text(2, error);
            writer.Number(3, StatusError);
            writer.End(status);
        }

        writer.End(begin);
    }

    private static void Write(ProtoWriter writer, Span span, in SpanStage stage)
    {
        int begin = Begin(
            writer, span.Context, stage.Id, span.Context.Span, stage.Name, SpanKind.Internal, stage.Start, stage.Duration);
        if (stage.Detail.Length > 0) CommonEncoder.Attribute(writer, 9, new Label("detail", stage.Detail));
        if (stage.IsBeside) CommonEncoder.Attribute(writer, 9, new Label("beside", "true"));
        writer.End(begin);
    }

    private static int Begin(
        ProtoWriter writer, in TraceContext trace, ulong id, ulong parent, string name, SpanKind kind, DateTimeOffset start,
        TimeSpan duration)
    {
        int begin = writer.Begin(2);
        writer.Id(1, trace.TraceHigh, trace.TraceLow);
        writer.Id(2, id);
        if (trace.State is { } state) writer.Text(3, state);
        if (parent != 0) writer.Id(4, parent);
        writer.Text(5, name);
        writer.Number(6, (ulong)kind);
        writer.Fixed(7, CommonEncoder.Nanoseconds(start));
        writer.Fixed(8, CommonEncoder.Nanoseconds(start + duration));
        return begin;
    }
}
