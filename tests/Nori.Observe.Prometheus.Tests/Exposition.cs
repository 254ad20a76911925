using System.Buffers;
using System.Text;

namespace Nori.Observe.Prometheus.Tests;

internal static class Exposition
{
    /// <summary>Options without the process and the runtime, whose values nobody knows.</summary>
    public static PrometheusOptions Bare { get; } = new() { ProcessMetrics = false, RuntimeMetrics = false };

    public static string Text(this PrometheusMeter meter, ExpositionFormat format = ExpositionFormat.PrometheusText)
    {
        ArrayBufferWriter<byte> output = new();
        meter.Write(output, format);
        return Encoding.UTF8.GetString(output.WrittenSpan);
    }
}
