using NoriKV.Types;

namespace NoriKV.Client;

/// <summary>The key exists and the put asked that it does not; nothing was written.</summary>
public sealed class AlreadyExistsException(KvError error, Exception? inner = null) : NoriKVException(error, inner);
