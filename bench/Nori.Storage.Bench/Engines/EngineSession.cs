namespace Nori.Storage.Bench.Engines;

/// <summary>One thread's use of an engine: holds what the thread reuses from call to call.</summary>
internal abstract class EngineSession : IDisposable
{
    /// <summary>One write of one key, answered as durable as the engine was opened.</summary>
    public abstract void Put(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value);

    /// <summary>Reads without keeping; the value's length, or -1.</summary>
    public abstract int Get(ReadOnlySpan<byte> key);

    /// <summary>The value copied, or null; for checks.</summary>
    public abstract byte[]? Read(ReadOnlySpan<byte> key);

    /// <summary>A new iterator, a seek and up to so many entries, key and value; how many there were.</summary>
    public abstract int Scan(ReadOnlySpan<byte> start, int entriesMax);

    /// <summary>Every entry in order, handed to the visitor; how many there were.</summary>
    public abstract long Walk(Visit? visit, long entriesMax = long.MaxValue);

    public abstract void Dispose();

    public delegate void Visit(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value);
}
