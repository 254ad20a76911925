using NoriKV.Node.Ports;
using NoriKV.Node.Storage;
using NoriKV.Storage.Contract;

namespace NoriKV.Node.Tests.Storage;

/// <summary>The store in memory behind the port.</summary>
public sealed class MemoryStorageContractTests : StorageContract
{
    protected override bool IsDurable => false;

    internal override IStorage Open(Place place) =>
        MemoryStorage.OpenAsync(place.Setup, CancellationToken.None).AsTask().GetAwaiter().GetResult();
}
