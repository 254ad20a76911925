using NoriKV.Node.Machine;
using NoriKV.Node.Ports;

namespace NoriKV.Node.Snapshots;

/// <summary>A slot under which no replica lives any more.</summary>
internal static class DeadSlot
{
    /// <summary>Removes everything under it. It only collects garbage: when it gets lost, the next start does it again.</summary>
    public static void Remove(IStorage storage, uint slot)
    {
        IStorageBatch batch = storage.NewBatch();
        batch.DeleteRange(EngineKey.Create(slot, EngineKeyKind.State), EngineKey.Create(slot + 1, EngineKeyKind.State));
        storage.Write(batch);
    }
}
