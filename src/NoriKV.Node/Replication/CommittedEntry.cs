using NoriKV.Types;

namespace NoriKV.Node.Replication;

/// <summary>An entry that a majority holds durably.</summary>
/// <param name="Shard">Whose log it is in.</param>
/// <param name="Index">Where.</param>
/// <param name="Term">The term it was appended in.</param>
/// <param name="Envelope">Its bytes.</param>
/// <param name="Watermark">The ticket of the local write that covers it (<see cref="LogTickets"/>).</param>
/// <param name="Proposal">Who waits for it here; null for nobody.</param>
public readonly record struct CommittedEntry(
    ShardId Shard, LogIndex Index, Term Term, ReadOnlyMemory<byte> Envelope, ulong Watermark, Proposal? Proposal);
