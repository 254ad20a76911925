using System.Buffers.Binary;
using Nori.IO;
using Nori.SSTable;
using NoriKV.Node.Machine;

namespace NoriKV.Node.Snapshots;

/// <summary>Writes the pairs of one shard, in rising order, as tables under a slot in the staging place.</summary>
internal sealed class SnapshotTables(SnapshotStaging staging, uint slot, TableOptions options)
{
    private readonly string _directory = staging.Create(slot);
    private readonly List<string> _tables = [];
    private TableBuilder? _builder;
    private byte[] _key = new byte[256];
    private byte[] _value = new byte[4096];

    /// <summary>Where they lie.</summary>
    public string Directory => _directory;

    /// <summary>The files, the one being written included.</summary>
    public IReadOnlyList<string> Tables => _tables;

    public void Add(EngineKeyKind kind, ReadOnlySpan<byte> key, ReadOnlySpan<byte> value, long expiryUnixMs)
    {
        if (_key.Length < key.Length + EngineKey.PrefixBytes) _key = new byte[(key.Length + EngineKey.PrefixBytes) * 2];
        int keyLength = EngineKey.Write(_key, slot, kind, key);
        TableBuilder builder = _builder ??= BeginTable();
        if (expiryUnixMs == 0)
        {
            builder.Add(_key.AsSpan(0, keyLength), 0, EntryKind.Put, value);
        }
        else
        {
            int length = sizeof(long) + value.Length;
            if (_value.Length < length) _value = new byte[length];
            BinaryPrimitives.WriteInt64LittleEndian(_value, expiryUnixMs);
            value.CopyTo(_value.AsSpan(sizeof(long)));
            builder.Add(_key.AsSpan(0, keyLength), 0, EntryKind.PutWithExpiry, _value.AsSpan(0, length));
        }

        if (builder.IsFull) EndTable();
    }

    /// <summary>Every table is whole and synced, and so are their names.</summary>
    public void Finish()
    {
        if (_builder is not null) EndTable();
        staging.Files.SyncDirectory(_directory);
    }

    /// <summary>Nothing stays.</summary>
    public void Abandon()
    {
        try
        {
            _builder?.Abandon();
        }
        catch (StorageException)
        {
            // The next start removes it.
        }

        _builder = null;
        staging.Remove(_directory, _tables);
    }

    private TableBuilder BeginTable()
    {
        string path = SnapshotStaging.Table(_directory, _tables.Count);
        var builder = new TableBuilder(staging.Files, path, options with { TableId = ((ulong)slot << 32) | (uint)_tables.Count });
        _tables.Add(path);
        return builder;
    }

    private void EndTable()
    {
        _builder!.Finish();
        _builder = null;
    }
}
