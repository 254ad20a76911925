using Nori.Observe;

namespace NoriKV.Transport.Http;

/// <summary>
/// Which events a client of /events wants: of any of these families and any of these kinds; none named is
/// all.
/// </summary>
internal sealed class EventFilter
{
    private readonly IReadOnlyList<string> _families;
    private readonly IReadOnlyList<string> _kinds;

    /// <exception cref="BadTargetException">A word that no event has: the client would wait for ever.</exception>
    public EventFilter(IReadOnlyList<string> families, IReadOnlyList<string> kinds)
    {
        Check("family", families, EventWords.Families);
        Check("kind", kinds, EventWords.Kinds);
        (_families, _kinds) = (families, kinds);
    }

    public bool Takes(EventRecord e) => Matches(_families, e.Family) && Matches(_kinds, e.Kind);

    private static void Check(string name, IReadOnlyList<string> words, IReadOnlyList<string> known)
    {
        foreach (string word in words)
        {
            if (!Matches(known, word))
            {
                throw new BadTargetException(
                    $"there is no {name} '{RawTarget.Shown(word)}' of events; known are {string.Join(", ", known)}");
            }
        }
    }

    private static bool Matches(IReadOnlyList<string> words, string word) =>
        words.Count == 0 || words.Contains(word, StringComparer.OrdinalIgnoreCase);
}
