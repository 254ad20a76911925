using Nori.Raft.Core;

namespace Nori.Raft;

/// <summary>Where the bytes of entries come from that a message names.</summary>
public interface IEntrySource
{
    /// <summary>The entry that the log holds at a place. It need not be durable yet.</summary>
    /// <param name="index">The place.</param>
    /// <param name="term">The term that its entry has.</param>
    /// <exception cref="InvalidOperationException">No entry of that term stands there.</exception>
    RaftEntry GetEntry(LogIndex index, Term term);
}
