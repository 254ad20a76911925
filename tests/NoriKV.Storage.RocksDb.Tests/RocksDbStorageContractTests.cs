using Nori.RocksDb;
using NoriKV.Node.Ports;
using NoriKV.Storage.Contract;

namespace NoriKV.Storage.RocksDb.Tests;

/// <summary>RocksDB behind the port, judged as Nori.Lsm is.</summary>
public sealed class RocksDbStorageContractTests : StorageContract
{
    internal override IStorage Open(Place place) =>
        RocksDbStorage.OpenAsync(place.OnDisk with { MemtableBytes = 4096 }, CancellationToken.None)
            .AsTask().GetAwaiter().GetResult();

    protected override void CheckAvailable() => Missing.Skip();

    [Fact]
    public async Task A_directory_of_another_engine_is_refused()
    {
        Missing.Skip();
        using var place = new Place();
        StorageSetup setup = place.OnDisk;
        Directory.CreateDirectory(setup.Directory);
        await File.WriteAllTextAsync(Path.Combine(setup.Directory, "CURRENT"), "NORICURR");
        ArgumentException refused = await Assert.ThrowsAsync<ArgumentException>(
            async () => await RocksDbStorage.OpenAsync(setup, CancellationToken.None));
        Assert.Contains("storage.engine", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_file_system_that_is_not_the_disk_is_refused()
    {
        using var place = new Place();
        await Assert.ThrowsAsync<ArgumentException>(
            async () => await RocksDbStorage.OpenAsync(place.Setup, CancellationToken.None));
    }
}
