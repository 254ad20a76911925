using System.Text.Json;

namespace NoriKV.Cli.Events;

/// <summary>
/// Which of the words that were asked for a recording has: one that it has not may be misspelt, and nobody else would say so.
/// </summary>
/// <param name="name">The field: family or kind.</param>
/// <param name="wanted">What was asked for; nothing, and nothing is looked at.</param>
internal sealed class EventWordsSeen(string name, IReadOnlyList<string> wanted)
{
    private const int WordsMax = 256;
    private readonly SortedSet<string> _seen = new(StringComparer.OrdinalIgnoreCase);

    /// <summary>Which words are not there, and which are; null where all are.</summary>
    public string? Missing
    {
        get
        {
            string[] missing = [.. wanted.Where(w => !_seen.Contains(w))];
            return missing.Length == 0
                ? null
                : $"the recording has no event of {name} {string.Join(", ", missing)}; it has {string.Join(", ", _seen)}";
        }
    }

    /// <summary>Takes note of an event's word.</summary>
    public void See(string line)
    {
        if (wanted.Count == 0 || _seen.Count == WordsMax) return;
        using JsonDocument json = JsonDocument.Parse(line);
        if (json.RootElement.TryGetProperty(name, out JsonElement word)) _seen.Add(word.ToString());
    }
}
