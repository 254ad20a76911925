namespace Nori.Raft.Core;

/// <summary>What became of a read-index request.</summary>
/// <param name="Context">What the caller knows it by.</param>
/// <param name="Index">Once the state is applied to here it may be read; nothing when aborted.</param>
/// <param name="IsAborted">True when leadership went away first: ask again, here or elsewhere.</param>
public readonly record struct ReadState(ulong Context, LogIndex Index, bool IsAborted);
