using System.Buffers;
using System.Text.Json;
using Nori.Observe;

namespace NoriKV.Server.Live;

/// <summary>Which events a watcher of the cluster is shown, and the newest of them.</summary>
internal static class LiveEvents
{
    /// <summary>Events of one answer; of more the oldest are left out and counted.</summary>
    public const int Most = 24;

    /// <summary>An event that is longer is left out.</summary>
    public const int BytesMax = 1024;

    /// <summary>The newest events behind a number.</summary>
    /// <param name="ring">Where they are.</param>
    /// <param name="after">The last one seen; 0 for all that is remembered.</param>
    /// <param name="takes">Which ones.</param>
    /// <param name="node">The name of this node.</param>
    /// <param name="most">How many at most.</param>
    public static (List<ReadOnlyMemory<byte>> Events, long Through, uint Elided) Newest(
        EventRing ring, ulong after, Func<EventRecord, bool> takes, string node, int most)
    {
        // A number that was not given yet is of the node's former life.
        long emitted = ring.Emitted;
        long through = after > (ulong)emitted ? 0 : (long)after;
        EventSubscription events = ring.Subscribe(through);
        var record = new EventRecord();
        var found = new Queue<ReadOnlyMemory<byte>>();
        uint elided = 0;

        // Those that come meanwhile are for the next time: this ends.
        while (through < emitted && events.TryRead(record))
        {
            through = record.Sequence;
            if (!takes(record)) continue;
            if (found.Count == most)
            {
                found.Dequeue();
                elided++;
            }

            if (Write(record, node) is { Length: <= BytesMax } json) found.Enqueue(json);
        }

        return ([.. found], Math.Max(through, emitted), elided);
    }

    /// <summary>What is shown to all: what happens, not how often the disk was synced.</summary>
    public static bool IsNews(EventRecord e) => e.Family switch
    {
        "Wal" => e.Kind != "Fsync" || IsSlow(e),
        "Cache" => false,
        "Raft" => e.Kind is not ("VoteReq" or "VoteGranted"),
        _ => true,
    };

    /// <summary>True for a vote in one of the shards.</summary>
    public static bool IsVoteIn(EventRecord e, IReadOnlyList<uint> shards)
    {
        if (shards.Count == 0 || e.Family != "Raft") return false;
        foreach (EventField field in e.Fields)
        {
            if (field.Name == "shard") return shards.Contains((uint)field.Integer);
        }

        return false;
    }

    private static bool IsSlow(EventRecord e)
    {
        foreach (EventField field in e.Fields)
        {
            if (field.Name == "ms") return field.Number >= 100;
        }

        return false;
    }

    private static ReadOnlyMemory<byte> Write(EventRecord record, string node)
    {
        var buffer = new ArrayBufferWriter<byte>(256);
        using (var json = new Utf8JsonWriter(buffer)) EventJson.Write(json, record, node);
        return buffer.WrittenMemory;
    }
}
