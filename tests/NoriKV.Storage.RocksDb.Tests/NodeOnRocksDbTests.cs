using NoriKV.Node;
using NoriKV.Storage.Contract;

namespace NoriKV.Storage.RocksDb.Tests;

/// <summary>A node on RocksDB: its log and directory in memory, its engine on the disk.</summary>
public sealed class NodeOnRocksDbTests : NodeEngineContract
{
    internal override NodeOptions On(NodeOptions options, Place place) => options with
    {
        OpenStorage = (setup, token) => RocksDbStorage.OpenAsync(
            setup with { FileSystem = place.OnDisk.FileSystem, Directory = place.OnDisk.Directory }, token),
    };

    protected override void CheckAvailable() => Missing.Skip();
}
