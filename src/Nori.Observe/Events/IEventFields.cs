namespace Nori.Observe;

/// <summary>Receives the fields of an event, for those that print or send it.</summary>
public interface IEventFields
{
    /// <summary>A whole number.</summary>
    void Add(string name, long value);

    /// <summary>A measured number.</summary>
    void Add(string name, double value);

    /// <summary>A word: an enum's name, a file name, a node id.</summary>
    void Add(string name, string value);
}
