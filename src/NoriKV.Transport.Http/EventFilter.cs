using Nori.Observe;

namespace NoriKV.Transport.Http;

/// <summary>
/// Which events a client of /events wants: of any of these families and any of these kinds; none named is
/// all.
/// </summary>
internal sealed class EventFilter(IReadOnlyList<string> families, IReadOnlyList<string> kinds)
{
    public bool Takes(EventRecord e) => Matches(families, e.Family) && Matches(kinds, e.Kind);

    private static bool Matches(IReadOnlyList<string> words, string word) =>
        words.Count == 0 || words.Contains(word, StringComparer.OrdinalIgnoreCase);
}
