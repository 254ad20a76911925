using NoriKV.Types;

namespace NoriKV.Client;

/// <summary>The deadline passed; the operation was not done.</summary>
public sealed class DeadlineExceededException(KvError error, Exception? inner = null) : NoriKVException(error, inner);
