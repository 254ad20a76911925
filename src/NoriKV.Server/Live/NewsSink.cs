using Nori.Observe;

namespace NoriKV.Server.Live;

/// <summary>Remembers what is worth remembering for an hour: not each sync, each vote or each step of a compaction.</summary>
internal sealed class NewsSink(EventRing ring) : IEventSink
{
    /// <inheritdoc/>
    public void Emit<T>(in T e)
        where T : struct, IEvent
    {
        if (e.Kind is not ("Fsync" or "VoteReq" or "VoteGranted" or "Progress" or "HitRatio")) ring.Emit(e);
    }
}
