using NoriKV.Types;

namespace NoriKV.Node.Replication;

/// <summary>What a worker's step wants in the log, of all its groups. Comes back to the worker when it is durable.</summary>
/// <remarks>Belongs to the worker until it is submitted, then to the log until it is handed back.</remarks>
internal sealed class WriteRequest(RaftWorker owner)
{
    public RaftWorker Owner { get; } = owner;

    /// <summary>The number it is known by before it is written; rises along the log.</summary>
    public ulong Ticket { get; set; }

    /// <summary>When it was handed to the log.</summary>
    public long SubmittedAt { get; set; }

    /// <summary>When the log's thread took it; written by that.</summary>
    public long BeganAt { get; set; }

    /// <summary>When it was written and not synced; written by the log's thread.</summary>
    public long WrittenAt { get; set; }

    /// <summary>When it was synced; written by the log's thread.</summary>
    public long SyncedAt { get; set; }

    public List<LogWrite> Writes { get; } = [];

    /// <summary>Readies that are durable once all writes so far are.</summary>
    public List<PersistedReady> Readies { get; } = [];

    /// <summary>Answered once it is durable.</summary>
    public List<HostCommand> Commands { get; } = [];

    /// <summary>Slots in which snapshots took the place of what lies there; emptied once it is durable.</summary>
    public List<(ShardId Shard, uint Slot)> DeadSlots { get; } = [];

    /// <summary>Replicas whose removal it holds; what is left of them may go once it is durable.</summary>
    public List<HostChange> Removals { get; } = [];

    public bool IsEmpty => Writes.Count == 0 && Readies.Count == 0 && Commands.Count == 0;

    public void Clear()
    {
        Writes.Clear();
        Readies.Clear();
        Commands.Clear();
        DeadSlots.Clear();
        Removals.Clear();
        Ticket = 0;
    }
}
