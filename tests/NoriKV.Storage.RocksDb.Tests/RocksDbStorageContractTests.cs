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
    public void A_directory_of_another_engine_is_refused()
    {
        Missing.Skip();
        using var place = new Place();
        StorageSetup setup = place.OnDisk;
        Directory.CreateDirectory(setup.Directory);
        File.WriteAllText(Path.Combine(setup.Directory, "CURRENT"), "NORICURR");
        ArgumentException refused = Assert.Throws<ArgumentException>(
            () => { RocksDbStorage.OpenAsync(setup, CancellationToken.None); });
        Assert.Contains("storage.engine", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_file_system_that_is_not_the_disk_is_refused()
    {
        using var place = new Place();
        Assert.Throws<ArgumentException>(() => { RocksDbStorage.OpenAsync(place.Setup, CancellationToken.None); });
    }
}
