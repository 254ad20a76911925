namespace Nori.RocksDb;

/// <summary>RocksDB answered with an error; the message is its own.</summary>
public sealed class RocksDbException(string message) : Exception(message);
