using System.Buffers.Binary;
using Nori.Core;
using NoriKV.Node.Machine;
using NoriKV.Node.Ports;

namespace NoriKV.Node.Snapshots;

/// <summary>
/// The node's record of slots: the first one that was never used (docs/formats/state-machine.md). Whoever takes slots takes
/// them here, so that none is given twice.
/// </summary>
/// <remarks>Thread-safe: the lock is held while the record is read and written.</remarks>
internal sealed class NodeSlots(IStorage storage)
{
    private const byte Format = 1;

    private readonly Lock _lock = new();
    private uint _next;

    /// <summary>Of a node that knows its record already, which is not read again: a table that has it may be damaged.</summary>
    public NodeSlots(IStorage storage, uint next)
        : this(storage) => _next = next;

    /// <summary>The key of the record that says that the first replicas of the node are in tables.</summary>
    public static byte[] BegunKey { get; } = EngineKey.Create(0, EngineKeyKind.State, "begun"u8);

    /// <summary>That record; its value is a format version.</summary>
    public static byte[] Begun { get; } = [1];

    /// <summary>The record's key.</summary>
    public static byte[] Key { get; } = EngineKey.Create(0, EngineKeyKind.State, "next-slot"u8);

    /// <summary>The first slot that was never used.</summary>
    /// <exception cref="InvalidDataException">The record has an unknown format.</exception>
    public static uint Load(IStorage storage)
    {
        if (!storage.TryGet(Key, out StoredEntry entry)) return 1;
        var reader = new SpanReader(entry.Value.Span);
        if (reader.TryReadByte(out byte format) && format == Format && reader.TryReadUInt32(out uint next)) return next;
        throw new InvalidDataException("the node's slot record has an unknown format");
    }

    /// <summary>The record that says that slots from here on were never used.</summary>
    public static byte[] Encode(uint next)
    {
        byte[] record = new byte[5];
        record[0] = Format;
        BinaryPrimitives.WriteUInt32LittleEndian(record.AsSpan(1), next);
        return record;
    }

    /// <summary>
    /// Takes slots; what is written behind this is in no table before the record is. On a full disk it throws and takes none.
    /// </summary>
    /// <returns>The first of them.</returns>
    public uint Take(uint count) => Take(count, static (_, _) => { });

    /// <summary>Takes one slot and writes what lies there first in the same batch: both or neither.</summary>
    public uint Found(Action<IStorageBatch, uint> fill) => Take(1, fill);

    /// <summary>Writes the node's own records again, which a damaged table held.</summary>
    public void Rewrite()
    {
        lock (_lock)
        {
            IStorageBatch batch = storage.NewBatch();
            batch.Put(BegunKey, Begun);
            batch.Put(Key, Encode(Next));
            storage.Write(batch);
        }
    }

    private uint Next => _next != 0 ? _next : _next = Load(storage);

    private uint Take(uint count, Action<IStorageBatch, uint> fill)
    {
        lock (_lock)
        {
            uint first = Next;
            IStorageBatch batch = storage.NewBatch();
            batch.Put(Key, Encode(checked(first + count)));
            fill(batch, first);
            storage.Write(batch);
            _next = first + count;
            return first;
        }
    }
}
