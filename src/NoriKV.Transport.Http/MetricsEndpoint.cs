using System.Buffers;
using Microsoft.AspNetCore.Http;
using Nori.Observe.Prometheus;

namespace NoriKV.Transport.Http;

/// <summary>GET /metrics, as Prometheus text or OpenMetrics, whichever the scraper asks for.</summary>
internal sealed class MetricsEndpoint(PrometheusMeter? meter)
{
    public Task ServeAsync(HttpContext http)
    {
        if (meter is null)
            return HttpAnswers.WriteErrorAsync(http, 404, "NOT_FOUND", "telemetry.prometheus.enabled is false");
        ExpositionFormat format = ExpositionFormats.FromAccept(http.Request.Headers.Accept);
        var buffer = new ArrayBufferWriter<byte>(64 << 10);
        meter.Write(buffer, format);
        return HttpAnswers.WriteBytesAsync(http, 200, format.ContentType(), buffer.WrittenMemory);
    }
}
