namespace Nori.Raft.Core.Tests.Harness;

/// <summary>A message with what a driver adds: the entries' bytes, the content of a snapshot.</summary>
internal sealed record Packet(RaftMessage Message, SimEntry[] Entries, ulong SnapshotState = 0);
