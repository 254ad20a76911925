namespace NoriKV.Cli.Formats;

/// <summary>A pair on its way in or out.</summary>
internal readonly record struct DataRecord(ReadOnlyMemory<byte> Key, ReadOnlyMemory<byte> Value, TimeSpan? Ttl = null);
