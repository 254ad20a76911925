using Nori.IO;
using Nori.Lsm;
using NoriKV.Node.Machine;
using NoriKV.Node.Snapshots;
using NoriKV.Types;

namespace NoriKV.Node.Healing;

/// <summary>The end of a damaged table: what lives in it moves to a new one, and the rest goes.</summary>
internal sealed partial class Mender
{
    /// <summary>
    /// Before a damaged table goes, two things are in other tables: the node's own records, which are known and written anew, and that
    /// the slots that replicas left are empty. A state record there outlives the table that the rest lay in: if the new slot's could not
    /// be read at a later start, the replica would be taken for what is left of the old one.
    /// </summary>
    private bool Settle()
    {
        if (_settling is { } settling)
        {
            if (!settling.Flush.IsCompleted) return false;
            _settling = null;
            if (!settling.Flush.IsCompletedSuccessfully) return false;
            foreach (Survey survey in settling.Own) survey.IsOwnMended = true;
            _left.RemoveAll(settling.Left.Contains);
            return true;
        }

        // One flush for all that were rebuilt together; those that nobody can rebuild keep nobody waiting.
        uint[] left = _patients.Values.All(static p => p.IsAlone) ? [.. _left] : [];
        Survey[] own = [.. _surveys.Values.Where(static s => s is { HitsOwn: true, IsOwnMended: false })];
        if (left.Length == 0 && own.Length == 0) return false;
        try
        {
            foreach (uint slot in left) DeadSlot.Remove(_parts.Storage, slot);
            if (own.Length > 0) _parts.Slots.Rewrite();
            _settling = new Settling(_parts.Storage.FlushAsync(CancellationToken.None).AsTask(), own, left);
            return true;
        }
        catch (Exception e) when (e is IOException or LsmFailedException)
        {
            // A full disk: another time. A failed engine: the node notices by itself.
            return false;
        }
    }

    private bool DropWhatNobodyNeeds()
    {
        // While anything waits for a peer, or has none, what is left of it stays: somebody may still get something out of it.
        if (_patients.Count > 0 || _left.Count > 0 || !_answers.IsEmpty || !_reports.IsEmpty) return false;
        bool any = false;
        long now = Now;
        foreach (Survey survey in _surveys.Values.ToList())
        {
            if (!IsFree(survey)) continue;
            if (survey.TriedAt != 0 && _parts.Time.GetElapsedTime(survey.TriedAt, now) < DropPeriod) continue;
            survey.TriedAt = now;
            any |= TryDrop(survey);
        }

        return any;
    }

    private bool TryDrop(Survey survey)
    {
        try
        {
            if (!_tables!.DropDamage(survey.Table.Number, NotLivingIn(survey.Table))) return false;
            _surveys.Remove(survey.Table.Number);
            return true;
        }
        catch (Exception e) when (e is IOException or LsmFailedException)
        {
            return false;
        }
    }

    // The replicas that could not be read there live elsewhere by now.
    private bool IsFree(Survey survey) => (!survey.HitsOwn || survey.IsOwnMended)
        && survey.Hit.All(hit => _parts.Replicas.SlotOf(hit.Shard) != hit.Slot);

    /// <summary>
    /// The slots of the table in which no replica lives: those that were replaced, and older ones whose removal only waits for
    /// a compaction.
    /// </summary>
    private List<(ReadOnlyMemory<byte> Start, ReadOnlyMemory<byte> End)> NotLivingIn(LsmDamagedTable table)
    {
        var living = new SortedSet<uint>();
        for (uint i = 0; i < (uint)_parts.Replicas.Count; i++) living.Add(_parts.Replicas.SlotOf(new ShardId(i)));
        bool ownIsElsewhere = _surveys[table.Number].HitsOwn;
        if (ownIsElsewhere) living.Remove(0);
        else living.Add(0);
        uint next = EngineKey.SlotOf(table.Smallest.Span);
        uint last = EngineKey.SlotOf(table.Largest.Span);
        var lost = new List<(ReadOnlyMemory<byte> Start, ReadOnlyMemory<byte> End)>();
        foreach (uint slot in living)
        {
            if (slot < next) continue;
            if (slot > last) break;
            if (slot > next) lost.Add((EngineKey.Create(next, 0), EngineKey.Create(slot, 0)));
            next = slot + 1;
        }

        if (next <= last) lost.Add((EngineKey.Create(next, 0), EngineKey.Create(last + 1, 0)));
        return lost;
    }
}
