using System.Text.Json;
using NoriKV.Types;

namespace NoriKV.Node.Tracing;

/// <summary>A trace as JSON, as <c>GET /slow</c> and the trailer <c>norikv-trace-bin</c> have it. Times are microseconds.</summary>
public static class RequestTraceJson
{
    /// <summary>Writes one as an object.</summary>
    public static void Write(Utf8JsonWriter json, RequestTrace trace)
    {
        json.WriteStartObject();
        if (trace.Sequence != 0) json.WriteNumber("seq", trace.Sequence);
        json.WriteString("at", trace.At.UtcDateTime);
        json.WriteString("operation", trace.Operation);
        if (trace.Shard is { } shard) json.WriteNumber("shard", shard.Value);
        json.WriteString("node", trace.Node);
        json.WriteString("served_by", trace.ServedBy);
        json.WriteNumber("forwards", trace.Forwards);
        json.WriteString("status", trace.Status);
        json.WriteNumber("total_us", trace.Total.TotalMicroseconds);
        if (trace.TraceId is { } id) json.WriteString("trace_id", id);
        Write(json, "stages", trace.Stages);
        Write(json, "beside", trace.Beside);
        json.WriteEndObject();
    }

    /// <summary>
    /// Reads what <see cref="Write(Utf8JsonWriter, RequestTrace)"/> wrote; fields that are missing are as in an empty one.
    /// </summary>
    /// <exception cref="InvalidDataException">It is another kind of thing.</exception>
    public static RequestTrace Read(JsonElement json)
    {
        try
        {
            return new RequestTrace
            {
                Sequence = json.TryGetProperty("seq", out JsonElement seq) ? seq.GetInt64() : 0,
                At = json.GetProperty("at").GetDateTimeOffset(),
                Operation = json.GetProperty("operation").GetString()!,
                Shard = json.TryGetProperty("shard", out JsonElement shard) ? new ShardId(shard.GetUInt32()) : null,
                Node = json.GetProperty("node").GetString()!,
                ServedBy = json.GetProperty("served_by").GetString()!,
                Forwards = json.GetProperty("forwards").GetInt32(),
                Status = json.GetProperty("status").GetString()!,
                Total = Microseconds(json.GetProperty("total_us")),
                TraceId = json.TryGetProperty("trace_id", out JsonElement id) ? id.GetString() : null,
                Stages = Stages(json.GetProperty("stages")),
                Beside = Stages(json.GetProperty("beside")),
            };
        }
        catch (Exception e) when (e is KeyNotFoundException or InvalidOperationException or FormatException)
        {
            throw new InvalidDataException("this is no trace of a request", e);
        }
    }

    private static void Write(Utf8JsonWriter json, string name, IReadOnlyList<TraceStage> stages)
    {
        json.WriteStartArray(name);
        foreach (TraceStage stage in stages)
        {
            json.WriteStartObject();
            json.WriteString("stage", stage.Name);
            json.WriteString("node", stage.Node);
            json.WriteNumber("start_us", stage.Start.TotalMicroseconds);
            json.WriteNumber("us", stage.Length.TotalMicroseconds);
            if (stage.Detail.Length > 0) json.WriteString("detail", stage.Detail);
            if (stage.IsOpen) json.WriteBoolean("open", true);
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }

    private static IReadOnlyList<TraceStage> Stages(JsonElement json) => [.. json.EnumerateArray().Select(static stage => new TraceStage(
        stage.GetProperty("stage").GetString()!,
        stage.GetProperty("node").GetString()!,
        Microseconds(stage.GetProperty("start_us")),
        Microseconds(stage.GetProperty("us")),
        stage.TryGetProperty("detail", out JsonElement detail) ? detail.GetString()! : "",
        stage.TryGetProperty("open", out JsonElement open) && open.GetBoolean()))];

    private static TimeSpan Microseconds(JsonElement json) => TimeSpan.FromTicks((long)Math.Round(json.GetDouble() * 10));
}
