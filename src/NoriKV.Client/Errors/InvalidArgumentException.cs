using NoriKV.Types;

namespace NoriKV.Client;

/// <summary>The request is malformed or over a limit; sending it again cannot help.</summary>
public sealed class InvalidArgumentException(KvError error, Exception? inner = null) : NoriKVException(error, inner);
