using System.Runtime.InteropServices;
using Nori.Core;

namespace Nori.Lsm.Memtables;

/// <summary>
/// Memory that is taken piece by piece and given back at once. Unsafe because of what it saves: the garbage
/// collector
/// neither scans nor moves millions of keys (a 64 MiB memtable of objects costs a pause per collection).
/// </summary>
/// <remarks>One thread allocates; freed by whoever lets go of the memtable last.</remarks>
internal sealed unsafe class Arena(int chunkBytes)
{
    private readonly List<nint> _chunks = [];
    private byte* _next;
    private long _left;

    /// <summary>Bytes taken from the system.</summary>
    public long ReservedBytes { get; private set; }

    /// <summary>Bytes handed out.</summary>
    public long UsedBytes { get; private set; }

    /// <summary>Memory aligned to eight bytes, not cleared.</summary>
    public byte* Allocate(int bytes)
    {
        bytes = (bytes + 7) & ~7;
        if (bytes > _left) TakeChunk(bytes);
        byte* taken = _next;
        _next += bytes;
        _left -= bytes;
        UsedBytes += bytes;
        return taken;
    }

    public void Free()
    {
        foreach (nint chunk in _chunks) NativeMemory.Free((void*)chunk);
        _chunks.Clear();
        _next = null;
        _left = 0;
    }

    private void TakeChunk(int bytes)
    {
        // A large entry gets a chunk of its own size and the rest of the current chunk is given up: at most one
        // chunk in waste per large entry, and large entries are not smaller than a chunk.
        long size = Math.Max(bytes, chunkBytes);
        byte* chunk = (byte*)NativeMemory.Alloc((nuint)size);
        Invariant.Assert(((nint)chunk & 7) == 0);
        _chunks.Add((nint)chunk);
        ReservedBytes += size;
        _next = chunk;
        _left = size;
    }
}
