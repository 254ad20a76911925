namespace NoriKV.Transport.Http;

/// <summary>The levels of the server's log, as its operator sees and changes them.</summary>
public interface ILogLevels
{
    /// <summary>Components with a level of their own, sorted, behind <c>*</c>, the level of all others.</summary>
    IReadOnlyList<KeyValuePair<string, string>> All { get; }

    /// <summary>Gives a component, or with <c>*</c> all others, a level.</summary>
    /// <returns>What is wrong with the words; null where nothing is.</returns>
    string? Set(string component, string level);
}
