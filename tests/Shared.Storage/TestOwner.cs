using Nori.Lsm;

namespace NoriKV.Storage.Contract;

/// <summary>An owner whose log is durable as far as the test says.</summary>
internal sealed class TestOwner : ILsmOwner
{
    public ulong Durable { get; set; } = ulong.MaxValue;

    public List<ulong> Sealed { get; } = [];

    public List<ulong> Flushed { get; } = [];

    public void OnMemtableSealed(ulong memtable)
    {
        lock (Sealed) Sealed.Add(memtable);
    }

    public bool MayInstall(ulong memtable, ulong maxWatermark) => maxWatermark <= Durable;

    public void OnFlushed(ulong memtable)
    {
        lock (Sealed) Flushed.Add(memtable);
    }

    public long ExpiryCutoff(ReadOnlySpan<byte> key) => 0;
}
