using Nori.Observe;

namespace NoriKV.Server.Live;

/// <summary>Remembers what is worth remembering for an hour: not each sync, each vote or each step of a compaction.</summary>
internal sealed class NewsSink(EventRing ring)
{
    /// <summary>Takes an event.</summary>
    /// <param name="e">What happened.</param>
    /// <param name="at">When.</param>
    public void Emit<T>(in T e, DateTimeOffset at)
        where T : struct, IEvent
    {
        if (e.Kind is not ("Fsync" or "VoteReq" or "VoteGranted" or "Progress" or "HitRatio")) ring.Emit(e, at);
    }
}
