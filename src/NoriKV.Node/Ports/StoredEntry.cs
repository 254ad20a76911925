namespace NoriKV.Node.Ports;

/// <summary>What an engine key holds.</summary>
/// <param name="Value">The bytes; they belong to the caller.</param>
/// <param name="ExpiryUnixMs">When it expires, in Unix milliseconds; 0 never. The engine returns expired entries too.</param>
public readonly record struct StoredEntry(ReadOnlyMemory<byte> Value, long ExpiryUnixMs);
