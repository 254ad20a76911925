using Nori.Core;
using Nori.Lsm.Memtables;

namespace Nori.Lsm.Versions;

/// <summary>
/// Everything a read looks at, immutable: the memtables and the version. Read by Volatile.Read and a count in
/// stripes, so
/// that readers on different threads do not write to one cache line.
/// </summary>
/// <remarks>
/// Why the stripes are safe: Enter counts first and looks at the retired flag second, with a full fence
/// between; Retire sets
/// the flag first and sums second. So either the reader sees the flag and leaves, or the sum sees the reader. A
/// reader
/// leaves through the stripe it entered by, hence each stripe is at least the number of readers inside through
/// it.
/// </remarks>
internal sealed class ReadView
{
    private const int Stripes = 8;
    private const int PaddingInts = 32;

    private readonly int[] _counts = new int[(Stripes + 1) * PaddingInts];
    private int _retired;
    private int _freed;

    /// <summary>Takes a reference on each part.</summary>
    public ReadView(Memtable active, Memtable[] immutables, LsmVersion version)
    {
        Active = active;
        Immutables = immutables;
        Version = version;
        active.Acquire();
        foreach (Memtable memtable in immutables) memtable.Acquire();
        version.Acquire();
    }

    public Memtable Active { get; }

    /// <summary>Sealed memtables, new to old.</summary>
    public Memtable[] Immutables { get; }

    public LsmVersion Version { get; }

    /// <summary>Counts a reader in; −1 when the view was replaced: take the next one.</summary>
    public int Enter()
    {
        int stripe = ((Environment.CurrentManagedThreadId % Stripes) + 1) * PaddingInts;
        Interlocked.Increment(ref _counts[stripe]);
        if (Volatile.Read(ref _retired) == 0) return stripe;
        Exit(stripe);
        return -1;
    }

    public void Exit(int stripe)
    {
        int left = Interlocked.Decrement(ref _counts[stripe]);
        Invariant.Assert(left >= 0);
        if (Volatile.Read(ref _retired) == 1) FreeIfUnused();
    }

    /// <summary>A newer view took its place: it is freed with its last reader.</summary>
    public void Retire()
    {
        Interlocked.Exchange(ref _retired, 1);
        FreeIfUnused();
    }

    private void FreeIfUnused()
    {
        Interlocked.MemoryBarrier();
        int sum = 0;
        for (int i = 1; i <= Stripes; i++) sum += Volatile.Read(ref _counts[i * PaddingInts]);
        if (sum != 0 || Interlocked.Exchange(ref _freed, 1) == 1) return;
        Active.Release();
        foreach (Memtable memtable in Immutables) memtable.Release();
        Version.Release();
    }
}
