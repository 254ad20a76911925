using System.Globalization;
using NoriKV.Types;

namespace NoriKV.Node.Diagnosis;

/// <summary>Figures as people read them.</summary>
internal static class FindingWords
{
    private const int RangesMax = 8;

    /// <summary>Numbers of shards as ranges: "0–15, 20 and 31 more"; the meta group is named.</summary>
    public static string Shards(IReadOnlyCollection<ShardId> shards, ShardId meta)
    {
        uint[] numbers = [.. shards.Where(s => s != meta).Select(static s => s.Value).Distinct().Order()];
        var ranges = new List<string>();
        int named = 0;
        for (int i = 0; i < numbers.Length && ranges.Count < RangesMax;)
        {
            int end = i;
            while (end + 1 < numbers.Length && numbers[end + 1] == numbers[end] + 1) end++;
            ranges.Add(end == i ? $"{numbers[i]}" : $"{numbers[i]}–{numbers[end]}");
            named += end - i + 1;
            i = end + 1;
        }

        string words = numbers.Length == 0 ? "" : $"{(numbers.Length == 1 ? "shard" : "shards")} {string.Join(", ", ranges)}"
            + (named < numbers.Length ? $" and {Count(numbers.Length - named)} more" : "");
        if (!shards.Contains(meta)) return words;
        return words.Length == 0 ? "the meta group" : $"{words} and the meta group";
    }

    public static string Count(long number) => number.ToString("N0", CultureInfo.InvariantCulture);

    public static string Count(long number, string noun) => $"{Count(number)} {noun}{(number == 1 ? "" : "s")}";

    public static string Bytes(long bytes) => bytes switch
    {
        >= 1L << 30 => $"{Round(bytes / (double)(1L << 30))} GiB",
        >= 1L << 20 => $"{Round(bytes / (double)(1L << 20))} MiB",
        >= 1L << 10 => $"{Round(bytes / (double)(1L << 10))} KiB",
        _ => $"{bytes} bytes",
    };

    public static string Span(TimeSpan span) => span.TotalMilliseconds switch
    {
        < 10 => $"{Round(span.TotalMilliseconds)} ms",
        < 1000 => $"{span.TotalMilliseconds.ToString("0", CultureInfo.InvariantCulture)} ms",
        < 60_000 => $"{Round(span.TotalSeconds)} s",
        < 3_600_000 => $"{(int)span.TotalMinutes} min {span.Seconds} s",
        < 86_400_000 => $"{(int)span.TotalHours} h {span.Minutes} min",
        _ => $"{(int)span.TotalDays} d {span.Hours} h",
    };

    private static string Round(double number) => number.ToString("0.0", CultureInfo.InvariantCulture);
}
