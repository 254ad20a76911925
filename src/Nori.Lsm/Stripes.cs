namespace Nori.Lsm;

/// <summary>
/// Snapshots cut the sequence numbers into stripes: stripe i holds what snapshot i sees and snapshot i−1 does
/// not. Of two
/// entries of one key in one stripe nobody can see the older.
/// </summary>
internal static class Stripes
{
    /// <summary>
    /// The stripe of a sequence number: the index of the oldest snapshot that sees it, or their count.
    /// </summary>
    public static int Of(ulong[] risingSnapshots, ulong sequence)
    {
        int i = Array.BinarySearch(risingSnapshots, sequence);
        return i >= 0 ? i : ~i;
    }
}
