using Nori.RocksDb;

namespace NoriKV.Storage.RocksDb.Tests;

internal static class Missing
{
    public static void Skip() => Assert.SkipWhen(
        !RocksDbLibrary.IsAvailable, $"librocksdb is missing; install it with: {RocksDbLibrary.HowToInstall}");
}
