namespace NoriKV.Node.Replication;

/// <summary>What an apply worker does next: apply an entry, or some other work on the shard's data, in its order.</summary>
internal readonly record struct ApplyItem(CommittedEntry Entry, Action? Work);
