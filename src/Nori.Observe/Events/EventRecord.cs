namespace Nori.Observe;

/// <summary>
/// An event as stored: its words and fields without its type. A reader owns one and has it filled again and again.
/// </summary>
/// <remarks>Not thread-safe.</remarks>
public sealed class EventRecord : IEventFields
{
    /// <summary>The most fields kept of one event; further ones are left out.</summary>
    public const int FieldsMax = 32;

    private EventField[] _fields = new EventField[8];
    private int _count;

    /// <summary>Its number, from 1, without gaps, in the order emitted.</summary>
    public long Sequence { get; private set; }

    /// <summary>When it was emitted.</summary>
    public DateTimeOffset Time { get; private set; }

    /// <summary>The component.</summary>
    public string Family { get; private set; } = string.Empty;

    /// <summary>What happened.</summary>
    public string Kind { get; private set; } = string.Empty;

    /// <summary>The fields in the event's order; valid until the record is filled again.</summary>
    public ReadOnlySpan<EventField> Fields => _fields.AsSpan(0, _count);

    void IEventFields.Add(string name, long value) => Append(new EventField(name, value));

    void IEventFields.Add(string name, double value) => Append(new EventField(name, value));

    void IEventFields.Add(string name, string value) => Append(new EventField(name, value));

    /// <summary>Fills the record from the event. The constrained call keeps the struct unboxed.</summary>
    internal void Fill<T>(long sequence, DateTimeOffset time, in T e)
        where T : struct, IEvent
    {
        Sequence = sequence;
        Time = time;
        Family = e.Family;
        Kind = e.Kind;
        _count = 0;
        e.WriteFields(this);
    }

    internal void CopyFrom(EventRecord other)
    {
        (Sequence, Time, Family, Kind) = (other.Sequence, other.Time, other.Family, other.Kind);
        if (_fields.Length < other._count) _fields = new EventField[other._fields.Length];
        other.Fields.CopyTo(_fields);
        _count = other._count;
    }

    private void Append(in EventField field)
    {
        if (_count == FieldsMax) return;

        // Grows once for the widest event that comes by, then never again.
        if (_count == _fields.Length) Array.Resize(ref _fields, FieldsMax);
        _fields[_count++] = field;
    }
}
