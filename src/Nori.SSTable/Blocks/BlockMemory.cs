using System.Runtime.InteropServices;

namespace Nori.SSTable.Blocks;

/// <summary>Memory for blocks outside the collected heap, which would copy each of them while threads stand still.</summary>
internal static unsafe class BlockMemory
{
    private static long s_bytes;

    /// <summary>What this process has and did not free, in bytes.</summary>
    public static long Bytes => Volatile.Read(ref s_bytes);

    /// <summary>Tests: what is freed is overwritten, so that whoever reads it all the same sees it.</summary>
    public static bool OverwritesFreed { get; set; }

    /// <summary>Memory of that length, not cleared.</summary>
    public static nint Allocate(int length)
    {
        var memory = (nint)NativeMemory.Alloc((nuint)length);
        Interlocked.Add(ref s_bytes, length);
        return memory;
    }

    public static Span<byte> Span(nint memory, int length) => new((void*)memory, length);

    public static void Free(nint memory, int length)
    {
        if (OverwritesFreed) Span(memory, length).Fill(0xDD);
        NativeMemory.Free((void*)memory);
        Interlocked.Add(ref s_bytes, -length);
    }
}
