using System.Buffers;
using System.Collections.Frozen;
using System.Text.Json;
using Nori.Observe;
using NoriKV.Transport.Http;

namespace NoriKV.Server.Live;

/// <summary>Which events a watcher of the cluster is shown, and the newest of them.</summary>
internal static class LiveEvents
{
    /// <summary>Events of one answer; of more the oldest are left out and counted.</summary>
    public const int Most = 24;

    /// <summary>An event that is longer is left out.</summary>
    public const int BytesMax = 1024;

    // What an incident is read from: who led, who was held for what, what ended. Others are left out before these.
    private static readonly FrozenSet<string> Kept = FrozenSet.ToFrozenSet(
        ["LeaderElected", "StepDown", "Finish", "FlushComplete", "L0Stall", "Alive", "Suspect", "Confirm", "Leave", "CorruptionFound"]);

    /// <summary>True for an event that is left out last.</summary>
    public static bool IsKept(string kind) => Kept.Contains(kind);

    /// <summary>The same of an event as it was sent.</summary>
    public static bool IsKept(ReadOnlySpan<byte> json)
    {
        var reader = new Utf8JsonReader(json);
        try
        {
            while (reader.Read())
            {
                if (reader.TokenType != JsonTokenType.PropertyName || reader.CurrentDepth != 1
                    || !reader.ValueTextEquals("kind"u8)) continue;
                return reader.Read() && reader.TokenType == JsonTokenType.String && IsKept(reader.GetString()!);
            }
        }
        catch (Exception broken) when (broken is JsonException or InvalidOperationException)
        {
            // Another node sent something else: it is none of those.
        }

        return false;
    }

    /// <summary>
    /// The events behind a number: of too many the newest, and of those that are left out last all, if need be with the next look.
    /// </summary>
    /// <param name="ring">Where they are.</param>
    /// <param name="after">The last one seen; 0 for all that is remembered.</param>
    /// <param name="takes">Which ones.</param>
    /// <param name="node">The name of this node.</param>
    /// <param name="totalShards">How many shards there are; the group behind the last one is the meta group.</param>
    /// <param name="most">How many at most.</param>
    public static (List<ReadOnlyMemory<byte>> Events, long Through, uint Elided) Newest(
        EventRing ring, ulong after, Func<EventRecord, bool> takes, string node, int totalShards, int most)
    {
        // A number that was not given yet is of the node's former life.
        long emitted = ring.Emitted;
        long through = after > (ulong)emitted ? 0 : (long)after;
        EventSubscription events = ring.Subscribe(through);
        var record = new EventRecord();
        var found = new List<(ReadOnlyMemory<byte> Json, bool IsKept)>();
        bool isBehind = through > 0;
        uint elided = 0;

        // Those that come meanwhile are for the next time: this ends.
        while (through < emitted && events.TryRead(record))
        {
            if (takes(record) && Write(record, node, totalShards) is { Length: <= BytesMax } json)
            {
                if (found.Count == most)
                {
                    int least = found.FindIndex(static e => !e.IsKept);
                    bool isKept = IsKept(record.Kind);

                    // All of them are to stay: the others come with the next look.
                    if (least < 0 && isKept && isBehind) return (Json(found), through, elided);
                    elided++;
                    if (least < 0 && !isKept) json = default;
                    else found.RemoveAt(Math.Max(least, 0));
                }

                if (json.Length > 0) found.Add((json, IsKept(record.Kind)));
            }

            through = record.Sequence;
        }

        return (Json(found), Math.Max(through, emitted), elided);

        static List<ReadOnlyMemory<byte>> Json(List<(ReadOnlyMemory<byte> Json, bool IsKept)> found) =>
            [.. found.Select(static e => e.Json)];
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

    private static ReadOnlyMemory<byte> Write(EventRecord record, string node, int totalShards)
    {
        MetaGroup.Name(record, totalShards);
        var buffer = new ArrayBufferWriter<byte>(256);
        using (var json = new Utf8JsonWriter(buffer)) EventJson.Write(json, record, node);
        return buffer.WrittenMemory;
    }
}
