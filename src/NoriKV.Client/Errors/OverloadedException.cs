using NoriKV.Types;

namespace NoriKV.Client;

/// <summary>The server stayed at one of its bounds until the deadline; the operation was not done.</summary>
public sealed class OverloadedException(KvError error, Exception? inner = null) : NoriKVException(error, inner);
