namespace NoriKV.Types;

/// <summary>A key with its value and version. The memory belongs to whoever received it.</summary>
/// <param name="Key">The key.</param>
/// <param name="Value">The value; empty where only keys were asked for.</param>
/// <param name="Version">The version that wrote it.</param>
public readonly record struct KvPair(ReadOnlyMemory<byte> Key, ReadOnlyMemory<byte> Value, KvVersion Version);
