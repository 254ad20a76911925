using NoriKV.Node.Ports;
using NoriKV.Types;

namespace NoriKV.Node.Tracing;

/// <summary>Tells a probe how a read was let through.</summary>
internal static class ReadStory
{
    public static void Tell(RequestProbe probe, in ReadBarrier barrier, string self, long now)
    {
        if (barrier.Read is not { } read)
        {
            string name = barrier.Served is Consistency.StaleOk or Consistency.Bounded ? StageNames.Stale : StageNames.Lease;
            probe.Add(name, self, now);
            return;
        }

        probe.Add(StageNames.Route, self, read.EnqueuedAt);
        if (read.AskedAt != 0) probe.Add(StageNames.Queue, self, read.AskedAt);
        if (read.ConfirmedAt != 0) probe.Add(StageNames.ReadIndex, self, read.ConfirmedAt);
        if (read.PassedAt != 0) probe.Add(StageNames.CatchUp, self, read.PassedAt);
        string last = read.AskedAt == 0 ? StageNames.Queue : read.ConfirmedAt == 0 ? StageNames.ReadIndex : StageNames.Wake;
        probe.Add(last, self, now, barrier.Error is null ? "" : "refused");
    }
}
