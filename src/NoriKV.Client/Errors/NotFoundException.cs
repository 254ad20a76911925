using NoriKV.Types;

namespace NoriKV.Client;

/// <summary>The key is missing and the caller said that it must exist (<c>GetRequiredAsync</c>).</summary>
public sealed class NotFoundException(KvError error, Exception? inner = null) : NoriKVException(error, inner);
