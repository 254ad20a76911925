namespace NoriKV.Node.Storage;

/// <summary>What the store in memory holds under a key; nobody changes the bytes.</summary>
internal readonly record struct StoredItem(byte[] Value, long ExpiryUnixMs);
