using Nori.IO;
using NoriKV.Node.Machine;
using NoriKV.Node.Ports;
using NoriKV.Node.Replication;
using NoriKV.Types;

namespace NoriKV.Node.Comparing;

/// <summary>
/// A node's side of comparisons: takes a view of a shard behind the entry that was agreed on, and hashes it in steps, at a bounded
/// rate. One for a shard, few at a time.
/// </summary>
/// <remarks>Views are taken by apply workers and asked for by other nodes; steps have one owner. The lock guards the items.</remarks>
internal sealed class DigestKeeper(
    IStorage storage, ReplicaTable replicas, RaftHost host, ConsistencyOptions options, TimeProvider time, long retentionMs,
    Action<ShardId, CorruptionException> damaged, Action wake)
{
    private const int ItemsMax = 16;
    private const long StepBytes = 256 << 10;

    private readonly Lock _lock = new();
    private readonly Dictionary<uint, Item> _items = [];
    private long _restUntil;

    /// <summary>True while something is kept or hashed.</summary>
    public bool HasWork
    {
        get
        {
            lock (_lock) return _items.Count > 0;
        }
    }

    /// <summary>True while something is to be hashed; a digest that waits to be asked for is no work.</summary>
    public bool IsHashing
    {
        get
        {
            lock (_lock) return _items.Values.Any(static item => item.Run is not null);
        }
    }

    /// <summary>
    /// Agrees to hash the shard behind the first time entry at or behind an index; false when that may have passed, or there
    /// are too many already.
    /// </summary>
    public async ValueTask<bool> ArmAsync(ShardId shard, ulong check, LogIndex from, long deadline)
    {
        var item = new Item(shard, check) { ArmedAt = time.GetTimestamp() };
        lock (_lock)
        {
            if (_items.TryGetValue(shard.Value, out Item? earlier)) Remove(earlier);
            if (_items.Count >= ItemsMax) return false;
            _items[shard.Value] = item;
        }

        KvError? error = await host.WatchTimeAsync(shard, from, index => Take(item, index), deadline).ConfigureAwait(false);
        if (error is null) return true;
        lock (_lock) Remove(item);
        return false;
    }

    /// <summary>Where a digest stands, and it.</summary>
    public (DigestState State, ReplicaDigest? Digest) Ask(ShardId shard, ulong check)
    {
        lock (_lock)
        {
            if (!_items.TryGetValue(shard.Value, out Item? item) || item.Check != check) return (DigestState.None, null);
            return item.Digest is { } digest ? (DigestState.Done, digest) : (DigestState.Coming, null);
        }
    }

    /// <summary>The digest of a shard at an index, if it is still there.</summary>
    public ReplicaDigest? Find(ShardId shard, LogIndex index)
    {
        lock (_lock) return _items.TryGetValue(shard.Value, out Item? item) && item.Digest?.Index == index ? item.Digest : null;
    }

    /// <summary>Hashes a little of one; false when there was nothing to do or it must rest.</summary>
    public bool RunOnce()
    {
        long now = time.GetTimestamp();
        Item? next = null;
        lock (_lock)
        {
            foreach (Item item in _items.Values.ToList())
            {
                if (time.GetElapsedTime(item.ArmedAt, now) > options.Timeout) Remove(item);
                else if (item.Run is not null && next is null) next = item;
            }
        }

        if (next is null || now < _restUntil) return false;
        Step(next, now);
        return true;
    }

    /// <summary>Gives up everything; the owner's steps have ended.</summary>
    public void Close()
    {
        lock (_lock)
        {
            foreach (Item item in _items.Values.ToList()) Remove(item);
        }
    }

    private void Step(Item item, long now)
    {
        ReplicaDigest? digest = null;
        long read = 0;
        bool failed = false;
        try
        {
            digest = item.Run!.RunOnce(StepBytes, out read);
        }
        catch (CorruptionException e)
        {
            failed = true;
            damaged(item.Shard, e);
        }
        catch (IOException)
        {
            failed = true;
        }

        if (options.BytesPerSecond > 0)
            _restUntil = now + (long)(read / (double)options.BytesPerSecond * time.TimestampFrequency);
        if (digest is null && !failed) return;
        lock (_lock)
        {
            if (failed)
            {
                Remove(item);
                return;
            }

            item.Digest = digest;
            item.Run?.Dispose();
            item.Run = null;
        }
    }

    // On the shard's apply worker, behind the entry and before the next one.
    private void Take(Item item, LogIndex index)
    {
        uint slot = replicas.SlotOf(item.Shard);
        DigestRun? run = null;
        if (slot != 0 && replicas.Stopped(item.Shard) is null && replicas.Applied(item.Shard) == index)
        {
            IStorageView view = storage.OpenView();
            try
            {
                run = DigestRun.Begin(view, slot, index, retentionMs);
            }
            catch (CorruptionException e)
            {
                damaged(item.Shard, e);
            }

            if (run is null) view.Dispose();
        }

        lock (_lock)
        {
            bool isWanted = _items.TryGetValue(item.Shard.Value, out Item? present) && present == item;
            if (run is not null && isWanted) item.Run = run;
            else
            {
                run?.Dispose();
                if (isWanted) Remove(item);
            }
        }

        wake();
    }

    private void Remove(Item item)
    {
        if (_items.TryGetValue(item.Shard.Value, out Item? present) && present == item) _items.Remove(item.Shard.Value);
        item.Run?.Dispose();
        item.Run = null;
    }

    private sealed class Item(ShardId shard, ulong check)
    {
        public ShardId Shard { get; } = shard;

        public ulong Check { get; } = check;

        public long ArmedAt { get; init; }

        public DigestRun? Run { get; set; }

        public ReplicaDigest? Digest { get; set; }
    }
}
