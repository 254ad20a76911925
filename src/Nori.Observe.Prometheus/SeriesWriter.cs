using System.Buffers;
using System.Buffers.Text;
using System.Globalization;
using System.Text;

namespace Nori.Observe.Prometheus;

/// <summary>
/// Writes the lines of families and series.
/// <code>
/// # HELP norikv_wal_records_total Records appended.
/// # TYPE norikv_wal_records_total counter        (OpenMetrics: the family's name is without _total)
/// # UNIT norikv_wal_bytes bytes                  (OpenMetrics only)
/// norikv_wal_records_total{node_id="n1"} 17
/// </code>
/// https://prometheus.io/docs/instrumenting/exposition_formats/ and https://prometheus.io/docs/specs/om/open_metrics_spec/.
/// </summary>
internal sealed class SeriesWriter(IBufferWriter<byte> output, ExpositionFormat format)
{
    private const int NumberBytesMax = 32;

    private readonly ArrayBufferWriter<byte> _pending = new(512);
    private byte[] _name = [];
    private byte[] _labels = [];

    public void Family(MetricFamily family)
    {
        _name = Encoding.UTF8.GetBytes(family.Name);
        ReadOnlySpan<byte> shown = format == ExpositionFormat.OpenMetrics && family.Kind == MetricKind.Counter
            ? _name.AsSpan(0, _name.Length - "_total".Length)
            : _name;
        output.Write("# HELP "u8);
        output.Write(shown);
        output.Write(" "u8);
        output.Write(Encoding.UTF8.GetBytes(EscapeHelp(family.Help)));
        output.Write("\n# TYPE "u8);
        output.Write(shown);
        output.Write(family.Kind switch
        {
            MetricKind.Counter => " counter\n"u8,
            MetricKind.Gauge => " gauge\n"u8,
            _ => " histogram\n"u8,
        });
        if (format != ExpositionFormat.OpenMetrics || UnitOf(shown) is not { Length: > 0 } unit) return;
        output.Write("# UNIT "u8);
        output.Write(shown);
        output.Write(" "u8);
        output.Write(unit);
        output.Write("\n"u8);
    }

    // The standard wants the unit to be the end of the family's name.
    private static ReadOnlySpan<byte> UnitOf(ReadOnlySpan<byte> name) =>
        name.EndsWith("_seconds"u8) ? "seconds"u8 : name.EndsWith("_bytes"u8) ? "bytes"u8 : default;

    /// <summary>
    /// Writes one series whole, or nothing when its reader throws: one bad reader must not cost the scrape.
    /// </summary>
    public void Series(in MetricFamily.Series series)
    {
        _labels = series.Labels;
        _pending.ResetWrittenCount();
        try
        {
            series.Source.Write(this);
        }
#pragma warning disable CA1031 // The callback is foreign code (for example of a component that was just closed).
        catch (Exception)
        {
            return;
        }
#pragma warning restore CA1031

        output.Write(_pending.WrittenSpan);
    }

    public void End()
    {
        if (format == ExpositionFormat.OpenMetrics) output.Write("# EOF\n"u8);
    }

    public void Sample(long value)
    {
        Begin(default, default);
        Integer(value);
    }

    public void Sample(double value)
    {
        Begin(default, default);
        Number(value, whole: false);
        _pending.Write("\n"u8);
    }

    /// <summary>Only OpenMetrics can say where a value came from.</summary>
    public bool HasExemplars => format == ExpositionFormat.OpenMetrics;

    public void Bucket(double bound, long count, in Exemplar? exemplar = null)
    {
        Span<byte> text = stackalloc byte[NumberBytesMax];
        Begin("_bucket"u8, text[..Format(bound, text, whole: format == ExpositionFormat.OpenMetrics)]);
        if (exemplar is not { } found)
        {
            Integer(count);
            return;
        }

        Utf8Formatter.TryFormat(count, _pending.GetSpan(NumberBytesMax), out int length);
        _pending.Advance(length);
        _pending.Write(Encoding.ASCII.GetBytes(
            $" # {{trace_id=\"{found.Trace.TraceId}\",span_id=\"{found.Trace.SpanId}\"}} "));
        Number(found.Value, whole: false);
        _pending.Write(Encoding.ASCII.GetBytes(string.Create(
            CultureInfo.InvariantCulture, $" {found.Time.ToUnixTimeMilliseconds() / 1000.0:F3}\n")));
    }

    public void Sum(double sum, long count)
    {
        Begin("_sum"u8, default);
        Number(sum, whole: false);
        _pending.Write("\n"u8);
        Begin("_count"u8, default);
        Integer(count);
    }

    public static string EscapeLabel(string value) => value
        .Replace("\\", "\\\\", StringComparison.Ordinal)
        .Replace("\n", "\\n", StringComparison.Ordinal)
        .Replace("\"", "\\\"", StringComparison.Ordinal);

    private string EscapeHelp(string help)
    {
        // The two formats differ: only OpenMetrics escapes quotes here.
        string quoted = EscapeLabel(help);
        return format == ExpositionFormat.OpenMetrics
            ? quoted
            : quoted.Replace("\\\"", "\"", StringComparison.Ordinal);
    }

    private static int Format(double value, Span<byte> target, bool whole)
    {
        if (!double.IsFinite(value))
        {
            ReadOnlySpan<byte> word = double.IsNaN(value) ? "NaN"u8 : value > 0 ? "+Inf"u8 : "-Inf"u8;
            word.CopyTo(target);
            return word.Length;
        }

        Utf8Formatter.TryFormat(value, target, out int length);

        // A bound is a label, compared as text: spelled as Prometheus's own libraries do, 5e-05. OpenMetrics writes whole
        // ones as 1.0.
        target[..length].Replace((byte)'E', (byte)'e');
        if (!whole || target[..length].ContainsAny((byte)'.', (byte)'e')) return length;
        ".0"u8.CopyTo(target[length..]);
        return length + 2;
    }

    private void Begin(ReadOnlySpan<byte> suffix, ReadOnlySpan<byte> bound)
    {
        _pending.Write(_name);
        _pending.Write(suffix);
        if (_labels.Length > 0 || !bound.IsEmpty)
        {
            _pending.Write("{"u8);
            _pending.Write(_labels);
            if (!bound.IsEmpty)
            {
                _pending.Write(_labels.Length > 0 ? ",le=\""u8 : "le=\""u8);
                _pending.Write(bound);
                _pending.Write("\""u8);
            }

            _pending.Write("}"u8);
        }

        _pending.Write(" "u8);
    }

    private void Integer(long value)
    {
        Utf8Formatter.TryFormat(value, _pending.GetSpan(NumberBytesMax), out int length);
        _pending.Advance(length);
        _pending.Write("\n"u8);
    }

    private void Number(double value, bool whole) =>
        _pending.Advance(Format(value, _pending.GetSpan(NumberBytesMax), whole));
}
