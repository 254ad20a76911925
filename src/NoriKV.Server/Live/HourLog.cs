using System.Buffers;
using System.Text;
using Nori.Core;

namespace NoriKV.Server.Live;

/// <summary>
/// What a node's figures were in the last hour, whoever watched: one sample in twenty seconds, each as its difference to the one
/// before. Some hundred bytes a sample under load, nearly none in an idle node.
/// </summary>
/// <remarks>
/// Thread-safe. In bytes (docs/formats/picture.md), every number a varint, signed ones zigzag:
/// <code>
/// format u8 = 1 | names: count, each (length, UTF-8)
/// | samples: count, each: unix ms | changes: count, each: number of the name | change, signed
/// | events: count, each (length, JSON)
/// </code>
/// The first sample's changes begin at zero.
/// </remarks>
internal sealed class HourLog(int samplesMax)
{
    /// <summary>Names kept; figures of further ones are left out.</summary>
    private const int NamesMax = 1024;

    private const byte Format = 1;

    private readonly Lock _lock = new(); // Guards all below.
    private readonly Dictionary<string, int> _numbers = new(StringComparer.Ordinal);
    private readonly List<string> _names = [];
    private readonly Queue<HourSample> _samples = new();
    private readonly List<long> _last = [];
    private readonly List<long> _base = [];

    /// <summary>Samples held.</summary>
    public int Count
    {
        get
        {
            lock (_lock) return _samples.Count;
        }
    }

    /// <summary>Adds a sample; the oldest goes when there are too many.</summary>
    public void Add(long unixMs, IEnumerable<KeyValuePair<string, long>> figures)
    {
        lock (_lock)
        {
            var changes = new List<(int, long)>();
            foreach ((string name, long value) in figures)
            {
                if (IsFine(name) || !TryNumberLocked(name, out int number) || _last[number] == value) continue;
                changes.Add((number, value - _last[number]));
                _last[number] = value;
            }

            if (_samples.Count == samplesMax)
            {
                foreach ((int number, long change) in _samples.Dequeue().Changes) _base[number] += change;
            }

            _samples.Enqueue(new HourSample(unixMs, [.. changes]));
        }
    }

    /// <summary>All of it in bytes, with what happened.</summary>
    public byte[] Encode(IReadOnlyList<ReadOnlyMemory<byte>> events)
    {
        var writer = new ArrayBufferWriter<byte>(32 << 10);
        writer.WriteByte(Format);
        lock (_lock)
        {
            writer.WriteVarint((ulong)_names.Count);
            foreach (string name in _names) writer.WriteLengthPrefixed(Encoding.UTF8.GetBytes(name));
            writer.WriteVarint((ulong)_samples.Count);
            bool isFirst = true;
            foreach (HourSample sample in _samples)
            {
                Write(writer, isFirst ? sample with { Changes = WholeLocked(sample) } : sample);
                isFirst = false;
            }
        }

        writer.WriteVarint((ulong)events.Count);
        foreach (ReadOnlyMemory<byte> e in events) writer.WriteLengthPrefixed(e.Span);
        return writer.WrittenSpan.ToArray();
    }

    /// <summary>Reads what <see cref="Encode"/> wrote; null where the bytes are none of it.</summary>
    public static HourPicture? TryDecode(ReadOnlySpan<byte> bytes)
    {
        var reader = new SpanReader(bytes);
        if (!reader.TryReadByte(out byte format) || format != Format) return null;
        if (!TryReadCount(ref reader, NamesMax, out int nameCount)) return null;
        string[] names = new string[nameCount];
        for (int i = 0; i < nameCount; i++)
        {
            if (!reader.TryReadLengthPrefixed(out ReadOnlySpan<byte> name) || name.Length > 64) return null;
            names[i] = Encoding.UTF8.GetString(name);
        }

        if (!TryReadCount(ref reader, 4096, out int sampleCount)) return null;
        var samples = new HourSample[sampleCount];
        for (int i = 0; i < sampleCount; i++)
        {
            if (TryRead(ref reader, nameCount) is not { } sample) return null;
            samples[i] = sample;
        }

        if (!TryReadCount(ref reader, 4096, out int eventCount)) return null;
        var events = new ReadOnlyMemory<byte>[eventCount];
        for (int i = 0; i < eventCount; i++)
        {
            if (!reader.TryReadLengthPrefixed(out ReadOnlySpan<byte> json)) return null;
            events[i] = json.ToArray();
        }

        return reader.AtEnd ? new HourPicture(names, samples, events) : null;
    }

    // Buckets of what is shown only of the present; their sums are kept.
    private static bool IsFine(string name) =>
        char.IsAsciiDigit(name[^1])
        && (name.StartsWith("stage.", StringComparison.Ordinal)
            || name.StartsWith("fsync.", StringComparison.Ordinal)
            || name.StartsWith("swim.rtt.", StringComparison.Ordinal));

    private bool TryNumberLocked(string name, out int number)
    {
        if (_numbers.TryGetValue(name, out number)) return true;
        if (_names.Count == NamesMax) return false;
        number = _names.Count;
        _numbers.Add(name, number);
        _names.Add(name);
        _last.Add(0);
        _base.Add(0);
        return true;
    }

    private (int, long)[] WholeLocked(in HourSample first)
    {
        long[] whole = [.. _base];
        foreach ((int number, long change) in first.Changes) whole[number] += change;
        return [.. whole.Select(static (v, i) => (i, v)).Where(static p => p.v != 0)];
    }

    private static void Write(ArrayBufferWriter<byte> writer, in HourSample sample)
    {
        writer.WriteVarint((ulong)sample.UnixMs);
        writer.WriteVarint((ulong)sample.Changes.Count);
        foreach ((int number, long change) in sample.Changes)
        {
            writer.WriteVarint((ulong)number);
            writer.WriteVarint((ulong)((change << 1) ^ (change >> 63)));
        }
    }

    private static HourSample? TryRead(ref SpanReader reader, int names)
    {
        if (!reader.TryReadVarint(out ulong at) || at > long.MaxValue || !TryReadCount(ref reader, NamesMax, out int count)) return null;
        var changes = new (int, long)[count];
        for (int i = 0; i < count; i++)
        {
            if (!reader.TryReadVarintInt32(out int number) || number >= names || !reader.TryReadVarint(out ulong change)) return null;
            changes[i] = (number, (long)(change >> 1) ^ -(long)(change & 1));
        }

        return new HourSample((long)at, changes);
    }

    private static bool TryReadCount(ref SpanReader reader, int max, out int count) =>
        reader.TryReadVarintInt32(out count) && count <= max && count <= reader.Remaining.Length;
}
