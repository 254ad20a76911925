using NoriKV.Types;

namespace NoriKV.Client;

/// <summary>
/// The deadline passed and the write may or may not have been done. Sent again with the same idempotency key it is done
/// once.
/// </summary>
public sealed class OutcomeUnknownException(KvError error, Exception? inner = null) : NoriKVException(error, inner);
