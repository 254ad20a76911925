using NoriKV.Node.Replication;
using NoriKV.Types;

namespace NoriKV.Node.Tracing;

/// <summary>Tells a probe the stages of a write that was proposed on this node.</summary>
/// <remarks>
/// An entry is committed when a majority holds it durably, whichever. The copy that came last of those needed decides what the
/// critical path is: the own log, or one peer; the others stand beside it.
/// </remarks>
internal static class WriteStory
{
    public static void Tell(RequestProbe probe, Proposal proposal, string self, Func<NodeNumber, string> nameOf, long now)
    {
        probe.Add(StageNames.Route, self, proposal.EnqueuedAt);
        if (proposal.AppendedAt == 0)
        {
            probe.Add(StageNames.Queue, self, now, "never taken");
            return;
        }

        probe.Add(StageNames.Queue, self, proposal.AppendedAt);
        if (proposal.CommittedAt < proposal.AppendedAt)
        {
            probe.Add(StageNames.Replicate, self, now, "not committed");
            return;
        }

        if (proposal.Times is { } times) TellCopies(probe, times, self, nameOf, proposal.AppendedAt, proposal.CommittedAt);
        else probe.Add(StageNames.Replicate, self, proposal.CommittedAt);
        if (proposal.AppliedAt < proposal.CommittedAt) return;
        if (proposal.ApplyBeganAt > proposal.CommittedAt) probe.Add(StageNames.ApplyWait, self, proposal.ApplyBeganAt);
        probe.Add(StageNames.Apply, self, proposal.AppliedAt);
        probe.Add(StageNames.Wake, self, now);
    }

    private static void TellCopies(
        RequestProbe probe, WriteTimes times, string self, Func<NodeNumber, string> nameOf, long appendedAt,
        long committedAt)
    {
        LogTimes log = times.Log;
        PeerTimes decided = default;
        foreach (PeerTimes peer in times.Peers)
        {
            if (peer.AckedAt != 0 && peer.AckedAt <= committedAt && peer.AckedAt > decided.AckedAt) decided = peer;
        }

        bool isOwn = log.SeenAt != 0 && log.SeenAt <= committedAt && log.SeenAt >= decided.AckedAt;
        if (isOwn)
        {
            probe.Add(StageNames.LogWait, self, log.BeganAt);
            probe.Add(StageNames.Append, self, log.WrittenAt);
            probe.Add(StageNames.Fsync, self, log.SyncedAt);
        }
        else if (decided.AckedAt != 0)
        {
            probe.Add(StageNames.Send, self, decided.SentAt);
            probe.Add(StageNames.Peer, self, decided.AckedAt, nameOf(decided.Node));
        }

        bool isKnown = isOwn || decided.AckedAt != 0;
        probe.Add(isKnown ? StageNames.Commit : StageNames.Replicate, self, committedAt);
        if (!isOwn && log.SyncedAt == 0)
        {
            probe.AddBeside(StageNames.Fsync, self, appendedAt, 0, "");
        }
        else if (!isOwn)
        {
            probe.AddBeside(StageNames.Append, self, log.BeganAt, log.WrittenAt, "");
            probe.AddBeside(StageNames.Fsync, self, log.WrittenAt, log.SyncedAt, "");
        }

        foreach (PeerTimes peer in times.Peers)
        {
            if (isOwn || peer != decided) probe.AddBeside(StageNames.Peer, self, peer.SentAt, peer.AckedAt, nameOf(peer.Node));
        }
    }
}
