namespace NoriKV.Node.Recovery;

/// <summary>A recovery that cannot be, or must not be; the message says why and what to do instead.</summary>
public sealed class RecoveryException(string message) : Exception(message);
