namespace Nori.Observe;

/// <summary>One field of a stored event; three kinds in one struct so that storing boxes nothing.</summary>
public readonly struct EventField
{
    private readonly long _bits;

    internal EventField(string name, long value) => (Name, Kind, _bits) = (name, EventFieldKind.Integer, value);

    internal EventField(string name, double value) =>
        (Name, Kind, _bits) = (name, EventFieldKind.Number, BitConverter.DoubleToInt64Bits(value));

    internal EventField(string name, string value) => (Name, Kind, Text) = (name, EventFieldKind.Text, value);

    /// <summary>The field's name on the wire.</summary>
    public string Name { get; }

    /// <summary>Which value holds.</summary>
    public EventFieldKind Kind { get; }

    /// <summary>The whole number.</summary>
    public long Integer => _bits;

    /// <summary>The measured number.</summary>
    public double Number => BitConverter.Int64BitsToDouble(_bits);

    /// <summary>The word; null for the other kinds.</summary>
    public string? Text { get; }
}
