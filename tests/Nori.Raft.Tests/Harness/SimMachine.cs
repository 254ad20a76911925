using System.Buffers.Binary;
using Nori.Core;
using Nori.Raft.Core;

namespace Nori.Raft.Tests.Harness;

/// <summary>A chained hash of all commands, their number, and the last one's place.</summary>
internal sealed class SimMachine(SimChecker checker) : IStateMachine
{
    public ulong Hash { get; private set; } = 17;

    public ulong Count { get; private set; }

    public LogIndex Last { get; private set; }

    public ReadOnlyMemory<byte> Apply(in RaftEntry entry)
    {
        ulong id = BinaryPrimitives.ReadUInt64LittleEndian(entry.Data.Span);
        Hash = XxHash64.Hash(entry.Data.Span, Hash ^ entry.Index.Value);
        Count++;
        Last = entry.Index;
        checker.OnApplied(entry.Index, id, Hash);
        return BitConverter.GetBytes(Count);
    }

    public Action<Stream> CaptureSnapshot()
    {
        byte[] bytes = new byte[24 + 300];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, Hash);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(8), Count);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(16), Last.Value);
        return stream =>
        {
            stream.Write(bytes.AsSpan(0, 100));
            stream.Write(bytes.AsSpan(100));
        };
    }

    public void Restore(Stream snapshot, SnapshotMeta meta)
    {
        byte[] bytes = new byte[24];
        snapshot.ReadExactly(bytes);
        Hash = BinaryPrimitives.ReadUInt64LittleEndian(bytes);
        Count = BinaryPrimitives.ReadUInt64LittleEndian(bytes.AsSpan(8));
        Last = new LogIndex(BinaryPrimitives.ReadUInt64LittleEndian(bytes.AsSpan(16)));
        checker.OnRestored(Last, Hash);
    }
}
