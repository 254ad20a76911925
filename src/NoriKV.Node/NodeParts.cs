using NoriKV.Node.Directory;
using NoriKV.Node.Log;
using NoriKV.Node.Peers;
using NoriKV.Node.Ports;
using NoriKV.Node.Replication;
using NoriKV.Node.Snapshots;

namespace NoriKV.Node;

/// <summary>What a started node is made of.</summary>
/// <param name="Directory">Its directory, locked.</param>
/// <param name="Log">The log.</param>
/// <param name="Tickets">Numbers for writes of the log to come.</param>
/// <param name="Storage">The engine.</param>
/// <param name="Replicas">The replicas on this node.</param>
/// <param name="Groups">What their groups start from.</param>
/// <param name="Gate">Between log and engine.</param>
/// <param name="Slots">Gives slots to replicas that arrive.</param>
/// <param name="Seed">For what is random in them, another one at each start.</param>
internal sealed record NodeParts(
    NodeDirectory Directory,
    SharedLog Log,
    LogTickets Tickets,
    IStorage Storage,
    ReplicaTable Replicas,
    IReadOnlyList<GroupStart> Groups,
    FlushGate Gate,
    NodeSlots Slots,
    ulong Seed)
{
    /// <summary>What was wrong at opening and was put right.</summary>
    public IReadOnlyList<string> Warnings { get; init; } = [];

    /// <summary>What it and its peers keep of each other.</summary>
    public PeerMemory Memory { get; init; } = PeerMemory.None;
}
