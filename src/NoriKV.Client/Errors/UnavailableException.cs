using NoriKV.Types;

namespace NoriKV.Client;

/// <summary>No node could serve the operation before the deadline; it was not done.</summary>
public sealed class UnavailableException(KvError error, Exception? inner = null) : NoriKVException(error, inner);
