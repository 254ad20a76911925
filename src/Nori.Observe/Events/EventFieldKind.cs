namespace Nori.Observe;

/// <summary>Which of an <see cref="EventField"/>'s values holds.</summary>
public enum EventFieldKind
{
    /// <summary><see cref="EventField.Integer"/>.</summary>
    Integer,

    /// <summary><see cref="EventField.Number"/>.</summary>
    Number,

    /// <summary><see cref="EventField.Text"/>.</summary>
    Text,
}
