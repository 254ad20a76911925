using NoriKV.Types;

namespace NoriKV.Client;

/// <summary>Compare-and-set on another version or on a missing key; nothing was written.</summary>
public sealed class VersionMismatchException(KvError error, Exception? inner = null) : NoriKVException(error, inner);
