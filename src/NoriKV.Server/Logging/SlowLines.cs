using System.Globalization;
using System.Text;
using NoriKV.Node.Tracing;

namespace NoriKV.Server;

/// <summary>Slow requests as log lines of the component <c>slow</c>: which, where, how long, and each stage in milliseconds.</summary>
public static class SlowLines
{
    private const string Component = "slow";

    /// <summary>Writes one.</summary>
    public static void Write(ServerLog log, RequestTrace trace)
    {
        if (!log.Levels.IsOn(Component, LogLevel.Warning)) return;
        var fields = new List<(string Key, object? Value)>
        {
            ("ms", Milliseconds(trace.Total)),
            ("status", trace.Status),
            ("node", trace.Node),
            ("served_by", trace.ServedBy),
            ("forwards", trace.Forwards),
        };
        if (trace.Shard is { } shard) fields.Insert(0, ("shard", (long)shard.Value));
        if (trace.TraceId is { } id) fields.Add(("trace_id", id));
        fields.Add(("stages", Stages(trace.Stages)));
        if (trace.Beside.Count > 0) fields.Add(("beside", Stages(trace.Beside)));
        log.Write(LogLevel.Warning, Component, trace.Operation, fields.ToArray());
    }

    // route@n1:0.1,queue@n1:2.0,peer(n2)@n1:250.3
    private static string Stages(IReadOnlyList<TraceStage> stages)
    {
        var text = new StringBuilder();
        foreach (TraceStage stage in stages)
        {
            if (text.Length > 0) text.Append(',');
            text.Append(stage.Name);
            if (stage.Detail.Length > 0) text.Append('(').Append(stage.Detail).Append(')');
            text.Append('@').Append(stage.Node).Append(':');
            text.Append(Milliseconds(stage.Length).ToString(CultureInfo.InvariantCulture));
            if (stage.IsOpen) text.Append('+');
        }

        return text.ToString();
    }

    private static double Milliseconds(TimeSpan span) => Math.Round(span.TotalMilliseconds, 3);
}
