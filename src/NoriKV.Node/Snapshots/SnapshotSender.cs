using System.Collections.Concurrent;
using Nori.IO;
using NoriKV.Node.Ports;
using NoriKV.Types;

namespace NoriKV.Node.Snapshots;

/// <summary>All snapshots that this node sends: one for a replica, few at a time.</summary>
internal sealed class SnapshotSender(SnapshotLine line)
{
    private readonly ConcurrentQueue<(ShardId Shard, ReplicaId To, NodeNumber Node, Term Term, LogIndex AtLeast)> _asked = new();
    private readonly ConcurrentQueue<ShardId> _stopped = new();
    private readonly List<OutgoingSnapshot> _streams = [];

    /// <summary>True while anything is under way or waits.</summary>
    public bool HasWork => _streams.Count > 0 || !_asked.IsEmpty;

    /// <summary>Bytes of chunks held in memory, of all streams.</summary>
    public long WindowBytes => _streams.Sum(static s => s.WindowBytes);

    /// <summary>Streams that hold a view of the engine.</summary>
    public int Active => _streams.Count(static s => s.IsActive);

    public void Begin(ShardId shard, ReplicaId to, NodeNumber node, Term term, LogIndex atLeast) =>
        _asked.Enqueue((shard, to, node, term, atLeast));

    public void Stop(ShardId shard) => _stopped.Enqueue(shard);

    public void OnFrame(in SnapshotFrame frame)
    {
        foreach (OutgoingSnapshot stream in _streams)
        {
            if (stream.Stream == frame.Stream)
            {
                stream.OnFrame(frame);
                return;
            }
        }

        line.Counters.Unknown.Add();
    }

    public bool RunOnce()
    {
        bool worked = TakeCalls();
        int active = Active;
        for (int i = 0; i < _streams.Count; i++)
        {
            OutgoingSnapshot stream = _streams[i];
            bool wasActive = stream.IsActive;
            worked |= RunOnce(stream, mayOpen: active < line.Options.OutgoingMax);
            if (stream.IsActive != wasActive) active += wasActive ? -1 : 1;
        }

        return worked | Retire();
    }

    private bool RunOnce(OutgoingSnapshot stream, bool mayOpen)
    {
        try
        {
            return stream.RunOnce(mayOpen);
        }
        catch (IOException e)
        {
            if (e is CorruptionException damage) (line.Storage as IHealableStorage)?.NoteDamage(damage);
            // A table of this node cannot be read: whoever needs the shard gets it from another leader, not a half of it.
            stream.Cancel();
            return true;
        }
    }

    public void Close()
    {
        foreach (OutgoingSnapshot stream in _streams) stream.Cancel();
        _streams.Clear();
    }

    private bool TakeCalls()
    {
        bool worked = false;
        while (_stopped.TryDequeue(out ShardId shard))
        {
            worked = true;
            foreach (OutgoingSnapshot stream in _streams.Where(s => s.Shard == shard)) stream.Cancel();
        }

        while (_asked.TryDequeue(out (ShardId Shard, ReplicaId To, NodeNumber Node, Term Term, LogIndex AtLeast) ask))
        {
            worked = true;
            OutgoingSnapshot? running = _streams.Find(s => s.Shard == ask.Shard && s.To == ask.To && s.Outcome is null);
            if (running is not null)
            {
                // One of an earlier term would be ignored at the end.
                bool isGood = running.Term == ask.Term && ask.AtLeast.CompareTo(running.IsActive ? running.Index : running.AtLeast) <= 0;
                if (isGood) continue;
                running.Cancel();
                _streams.Remove(running);
            }

            _streams.Add(new OutgoingSnapshot(line, ask.Shard, ask.To, ask.Node, ask.Term, ask.AtLeast));
        }

        return worked;
    }

    private bool Retire()
    {
        bool any = false;
        for (int i = _streams.Count - 1; i >= 0; i--)
        {
            OutgoingSnapshot stream = _streams[i];
            if (stream.Outcome is not { } isDelivered) continue;
            any = true;
            _streams.RemoveAt(i);
            (isDelivered ? line.Counters.Delivered : line.Counters.Failed).Add();
            if (isDelivered) line.Counters.SendSeconds.Record(stream.Age.TotalSeconds);
            line.Options.Events.Emit(new SnapshotCut(stream.Shard, stream.Index, Finished: true));
            line.Host.Sent(stream.Shard, stream.To, stream.Index, isDelivered);
        }

        return any;
    }
}
