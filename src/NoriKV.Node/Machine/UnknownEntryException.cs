namespace NoriKV.Node.Machine;

/// <summary>
/// A committed entry that this code does not know: written by a newer version, or damaged. The shard stops; nothing of the
/// entry was applied.
/// </summary>
public sealed class UnknownEntryException(string message) : Exception(message);
