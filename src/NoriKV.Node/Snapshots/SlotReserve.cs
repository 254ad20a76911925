using System.Buffers.Binary;
using Nori.Core;
using Nori.IO;
using NoriKV.Node.Machine;
using NoriKV.Node.Ports;

namespace NoriKV.Node.Snapshots;

/// <summary>
/// Slots for snapshots to come, each given once in the life of a node. Written batches reach the disk in their order, so
/// the record of slots covers what follows it; ingested tables do not wait for it. So a block of slots is taken in a table
/// before the first of it is used (docs/decisions/0101).
/// </summary>
/// <remarks>One owner steps it.</remarks>
internal sealed class SlotReserve(IStorage storage)
{
    /// <summary>Slots taken at a time: one flush for so many snapshots.</summary>
    public const uint BlockSlots = 64;

    private const byte Format = 1;
    private uint _next;
    private uint _limit;
    private uint _pendingLimit;
    private Task? _flush;
    private bool _wanted;

    /// <summary>The key of the node's record: the first slot never used (docs/formats/state-machine.md).</summary>
    public static byte[] NextSlotKey { get; } = EngineKey.Create(0, EngineKeyKind.State, "next-slot"u8);

    /// <summary>True while slots were asked for and are not here.</summary>
    public bool IsFetching => _wanted || _flush is not null;

    /// <summary>Takes a slot; false when none is in reserve: the steps to come fetch some.</summary>
    public bool TryTake(out uint slot)
    {
        slot = _next;
        if (_next < _limit)
        {
            _next++;
            return true;
        }

        _wanted = true;
        return false;
    }

    /// <summary>Goes on fetching slots; false when there was nothing to do.</summary>
    public bool RunOnce()
    {
        if (_flush is { } flush)
        {
            if (!flush.IsCompleted) return false;
            _flush = null;
            // A flush that failed fails the engine; the slots it was for stay unused.
            if (flush.IsCompletedSuccessfully) _limit = _pendingLimit;
            return true;
        }

        if (!_wanted) return false;
        _wanted = false;
        return Begin();
    }

    private bool Begin()
    {
        _next = Load();
        _limit = _next;
        _pendingLimit = checked(_next + BlockSlots);
        IStorageBatch batch = storage.NewBatch();
        batch.Put(NextSlotKey, Encode(_pendingLimit));
        try
        {
            storage.Write(batch);
        }
        catch (IOException)
        {
            // A full disk: asked for again with the next snapshot. A failed engine: the node notices by itself.
            return false;
        }

        _flush = storage.FlushAsync(CancellationToken.None).AsTask();
        return true;
    }

    private uint Load()
    {
        if (!storage.TryGet(NextSlotKey, out StoredEntry entry)) return 1;
        var reader = new SpanReader(entry.Value.Span);
        if (reader.TryReadByte(out byte format) && format == Format && reader.TryReadUInt32(out uint next)) return next;
        throw new InvalidDataException("the node's slot record has an unknown format");
    }

    private static byte[] Encode(uint next)
    {
        byte[] record = new byte[5];
        record[0] = Format;
        BinaryPrimitives.WriteUInt32LittleEndian(record.AsSpan(1), next);
        return record;
    }
}
