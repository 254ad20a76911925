namespace Nori.Testing;

/// <summary>Measures what code allocates once it is warm.</summary>
internal static class Allocations
{
    /// <summary>
    /// The least that one run of <paramref name="action"/> allocated on this thread, in bytes, over several runs. What the code itself
    /// allocates shows in every run; what the runtime adds once (a method compiled again, a trimmed array pool) does not.
    /// </summary>
    public static long Least(Action action, int runs = 5)
    {
        long least = long.MaxValue;
        for (int run = 0; run < runs && least > 0; run++)
        {
            long before = GC.GetAllocatedBytesForCurrentThread();
            action();
            least = Math.Min(least, GC.GetAllocatedBytesForCurrentThread() - before);
        }

        return least;
    }
}
