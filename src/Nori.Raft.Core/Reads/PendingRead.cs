namespace Nori.Raft.Core;

/// <summary>A read that waits for its round.</summary>
/// <param name="Origin">The replica that asked; none for the leader itself.</param>
/// <param name="Context">What the asker knows it by.</param>
public readonly record struct PendingRead(ReplicaId Origin, ulong Context);
