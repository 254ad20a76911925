using Nori.Lsm;
using NoriKV.Node.Ports;
using NoriKV.Node.Storage;
using NoriKV.Storage.Contract;

namespace NoriKV.Node.Tests.Storage;

/// <summary>Nori.Lsm behind the port, with tables and memtables so small that everything moves.</summary>
public sealed class LsmStorageContractTests : StorageContract
{
    internal override IStorage Open(Place place) => LsmStorage.OpenAsync(
        place.Setup with { MemtableBytes = 2048, BlockCacheBytes = 4096 }, Small, CancellationToken.None)
        .AsTask().GetAwaiter().GetResult();

    private static LsmOptions Small(LsmOptions options) =>
        options with { L0CompactionTrigger = 2, TargetFileBytes = 1024, BaseLevelBytes = 2048, BlockBytes = 256 };
}
