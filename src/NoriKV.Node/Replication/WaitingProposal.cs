namespace NoriKV.Node.Replication;

/// <summary>A proposal in the log, by the entry that stands for it: committed with this term it was done, with another not.</summary>
internal readonly record struct WaitingProposal(ulong Index, ulong Term, Proposal Proposal);
