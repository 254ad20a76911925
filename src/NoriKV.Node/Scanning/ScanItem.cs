using NoriKV.Types;

namespace NoriKV.Node.Scanning;

/// <summary>A pair read ahead; a large value is left in the engine until its turn.</summary>
internal readonly record struct ScanItem(byte[] Key, byte[]? Value, KvVersion Version);
