namespace NoriKV.Server;

/// <summary>Finds what somebody may have meant.</summary>
internal static class Nearest
{
    /// <summary>Such as <c> (did you mean 'http_addr'?)</c>.</summary>
    public static string Hint(string word, IEnumerable<string> known) => $" (did you mean '{Find(word, known)}'?)";

    /// <summary>
    /// The known word with the fewest edits; a wrong section before a right last part counts little.
    /// </summary>
    public static string Find(string word, IEnumerable<string> known) => known.MinBy(candidate =>
        Math.Min(Distance(word, candidate), 1 + Distance(LastPart(word), LastPart(candidate))))!;

    private static string LastPart(string word) => word[(word.LastIndexOf('.') + 1)..];

    // Levenshtein, with one row.
    private static int Distance(string a, string b)
    {
        int[] row = new int[b.Length + 1];
        for (int j = 0; j <= b.Length; j++) row[j] = j;
        for (int i = 1; i <= a.Length; i++)
        {
            int diagonal = row[0];
            row[0] = i;
            for (int j = 1; j <= b.Length; j++)
            {
                int substituted = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
                diagonal = row[j];
                row[j] = Math.Min(substituted, Math.Min(row[j], row[j - 1]) + 1);
            }
        }

        return row[b.Length];
    }
}
