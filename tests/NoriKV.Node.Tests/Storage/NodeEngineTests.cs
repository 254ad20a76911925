using NoriKV.Node.Ports;
using NoriKV.Node.Storage;
using NoriKV.Storage.Contract;

namespace NoriKV.Node.Tests.Storage;

/// <summary>A node on Nori.Lsm.</summary>
public sealed class NodeOnLsmTests : NodeEngineContract
{
    internal override NodeOptions On(NodeOptions options, Place place) => options;
}

/// <summary>A node on the store in memory: its log is all it has.</summary>
public sealed class NodeOnMemoryTests : NodeEngineContract
{
    internal override NodeOptions On(NodeOptions options, Place place) =>
        options with { OpenStorage = MemoryStorage.OpenAsync };
}
