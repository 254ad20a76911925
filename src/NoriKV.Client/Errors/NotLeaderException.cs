using NoriKV.Types;

namespace NoriKV.Client;

/// <summary>The leader of the shard could not be reached before the deadline; the operation was not done.</summary>
public sealed class NotLeaderException(KvError error, Exception? inner = null) : NoriKVException(error, inner);
