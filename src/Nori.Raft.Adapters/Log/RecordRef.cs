using Nori.Raft.Core;
using Nori.Wal;

namespace Nori.Raft.Adapters;

/// <summary>Where consecutive entries lie.</summary>
/// <param name="First">The first that still counts.</param>
/// <param name="Last">The last that still counts; the record may hold more, which were replaced.</param>
/// <param name="Position">The record.</param>
/// <param name="StoredBytes">What its payload takes.</param>
internal readonly record struct RecordRef(LogIndex First, LogIndex Last, WalPosition Position, int StoredBytes);
