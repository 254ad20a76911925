namespace Nori.Lsm.Tests.Model;

/// <summary>Makes a failing history short: takes out ever smaller pieces as long as it still fails.</summary>
internal static class Shrinker
{
    public static List<Op> Shrink(List<Op> ops, Func<List<Op>, bool> fails, int runsMax = 2000)
    {
        for (int size = Math.Max(1, ops.Count / 2); runsMax > 0;)
        {
            bool any = false;
            for (int at = 0; at + size <= ops.Count && runsMax-- > 0;)
            {
                List<Op> shorter = [.. ops.Take(at), .. ops.Skip(at + size)];
                if (fails(shorter))
                {
                    ops = shorter;
                    any = true;
                }
                else
                {
                    at += size;
                }
            }

            if (size > 1) size /= 2;
            else if (!any) break;
        }

        return ops;
    }
}
