namespace NoriKV.Types;

/// <summary>A key with its value and version. The memory belongs to whoever received it.</summary>
public readonly record struct KvPair(ReadOnlyMemory<byte> Key, ReadOnlyMemory<byte> Value, KvVersion Version);
