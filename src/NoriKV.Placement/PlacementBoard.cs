using Nori.Core;
using NoriKV.Types;

namespace NoriKV.Placement;

/// <summary>
/// A plan in the making: which node (by its place on the ring) holds which shard, and which of those are new. Moving a
/// replica that is itself new costs nothing, moving an old one costs one; each step takes what is cheapest.
/// </summary>
internal sealed class PlacementBoard
{
    private readonly PlacementNode[] _nodes;
    private readonly ShardId[] _ids;
    private readonly int _factor;
    private readonly bool[,] _held;
    private readonly bool[,] _original;
    private readonly int[] _loads;
    private readonly int[] _zones;
    private readonly bool[] _takes; // what is new; all of them where all are silent
    private int _chainsLeft;

    public PlacementBoard(IReadOnlyList<ShardAssignment> current, PlacementNode[] ring, int factor)
    {
        _nodes = ring;
        _factor = factor;
        _ids = [.. current.Select(static a => a.Shard)];
        _held = new bool[current.Count, ring.Length];
        _original = new bool[current.Count, ring.Length];
        _loads = new int[ring.Length];
        _zones = NumberZones(ring);
        _takes = Array.ConvertAll(ring, n => !n.Silent || Array.TrueForAll(ring, static other => other.Silent));
        _chainsLeft = current.Count * factor;
        var places = new Dictionary<NodeNumber, int>();
        for (int node = 0; node < ring.Length; node++) places.Add(ring[node].Number, node);
        for (int shard = 0; shard < current.Count; shard++)
        {
            foreach (NodeNumber number in current[shard].Replicas)
            {
                if (!places.TryGetValue(number, out int node) || _held[shard, node]) continue;
                _original[shard, node] = true;
                Put(shard, node);
            }
        }
    }

    /// <summary>Where the factor fell: the fullest nodes lose first, those that share a zone before them, silent ones before all.</summary>
    public void TrimSurplus()
    {
        for (int shard = 0; shard < _ids.Length; shard++)
        {
            for (int count = Count(shard); count > _factor; count--)
            {
                Take(shard, Best(node => !_held[shard, node]
                    ? long.MinValue
                    : (_takes[node] ? 0 : 1L << 33) + (ZoneCount(shard, _zones[node]) > 1 ? 1L << 32 : 0) + _loads[node]));
            }
        }
    }

    /// <summary>Puts what is missing on the emptiest nodes, in zones not yet used where there are any.</summary>
    public void PlaceMissing()
    {
        for (int shard = 0; shard < _ids.Length; shard++)
        {
            for (int count = Count(shard); count < _factor; count++)
            {
                Put(shard, Best(node => _held[shard, node]
                    ? long.MinValue
                    : (_takes[node] ? 1L << 33 : 0) + (ZoneCount(shard, _zones[node]) == 0 ? 1L << 32 : 0) - _loads[node]));
            }
        }
    }

    /// <summary>
    /// From the fullest to the emptiest until they differ by at most one. A node that gave never receives: so the number
    /// of moves is the least possible, apart from what chains of new replicas save.
    /// </summary>
    public void Level()
    {
        while (true)
        {
            int fullest = Best(node => _loads[node]);
            int emptiest = Best(node => _takes[node] ? -(long)_loads[node] : long.MinValue);
            if (_loads[fullest] - _loads[emptiest] <= 1) return;
            if (_chainsLeft-- <= 0 || !MoveNewAlongChain(emptiest)) MoveOne(fullest, emptiest);
        }
    }

    /// <summary>Repairs shards with two replicas in one zone while another zone has none, by moves or exchanges.</summary>
    public void SpreadZones()
    {
        for (int shard = 0; shard < _ids.Length; shard++)
        {
            for (int source = 0; source < _nodes.Length; source++)
            {
                if (_held[shard, source] && ZoneCount(shard, _zones[source]) > 1) TrySpread(shard, source);
            }
        }
    }

    public PlacementPlan ToPlan(IReadOnlyList<ShardAssignment> current)
    {
        var moves = new List<ReplicaMove>();
        var target = new ShardAssignment[_ids.Length];
        for (int shard = 0; shard < _ids.Length; shard++)
        {
            List<NodeNumber> after = [.. Enumerable.Range(0, _nodes.Length)
                .Where(node => _held[shard, node]).Select(node => _nodes[node].Number).Order()];
            List<NodeNumber> added = [.. after.Except(current[shard].Replicas)];
            List<NodeNumber> removed = [.. current[shard].Replicas.Except(after).Order()];
            for (int i = 0; i < Math.Max(added.Count, removed.Count); i++)
            {
                moves.Add(new ReplicaMove(
                    _ids[shard], i < added.Count ? added[i] : null, i < removed.Count ? removed[i] : null));
            }

            target[shard] = new ShardAssignment(_ids[shard], after);
        }

        return new PlacementPlan(moves, target);
    }

    /// <summary>
    /// Looks for a chain emptiest ← a ← b … ← over, on which each node hands on a *new* replica; it costs no addition.
    /// </summary>
    private bool MoveNewAlongChain(int emptiest)
    {
        int[] next = new int[_nodes.Length];
        int[] shardOf = new int[_nodes.Length];
        Array.Fill(next, -1);
        var queue = new Queue<int>();
        queue.Enqueue(emptiest);
        while (queue.TryDequeue(out int target))
        {
            for (int source = 0; source < _nodes.Length; source++)
            {
                if (source == emptiest || next[source] >= 0) continue;
                int shard = FindMovable(source, target, onlyNew: true);
                if (shard < 0) continue;
                (next[source], shardOf[source]) = (target, shard);
                if (_loads[source] - _loads[emptiest] <= 1)
                {
                    queue.Enqueue(source);
                    continue;
                }

                for (int node = source; node != emptiest; node = next[node])
                {
                    // An earlier link of the chain may have brought the shard that a later one wants to move.
                    if (!_held[shardOf[node], node] || _held[shardOf[node], next[node]]) return node != source;
                    Move(shardOf[node], node, next[node]);
                }

                return true;
            }
        }

        return false;
    }

    private void MoveOne(int source, int target)
    {
        int shard = FindMovable(source, target, onlyNew: false);
        Invariant.Assert(shard >= 0); // The source holds more shards than the target, so one that the target lacks.
        Move(shard, source, target);
    }

    private int FindMovable(int source, int target, bool onlyNew)
    {
        int found = -1;
        for (int shard = 0; shard < _ids.Length; shard++)
        {
            if (!_held[shard, source] || _held[shard, target]) continue;
            if (onlyNew && _original[shard, source]) continue;
            if (KeepsZones(shard, source, target)) return shard;
            if (found < 0) found = shard;
        }

        return found;
    }

    private void TrySpread(int shard, int source)
    {
        for (int target = 0; target < _nodes.Length; target++)
        {
            if (!_takes[target] || _held[shard, target] || ZoneCount(shard, _zones[target]) > 0) continue;
            if (_loads[target] < _loads[source])
            {
                Move(shard, source, target);
                return;
            }
        }

        for (int target = 0; target < _nodes.Length; target++)
        {
            if (!_takes[target] || !_takes[source] || _held[shard, target] || ZoneCount(shard, _zones[target]) > 0) continue;
            for (int other = 0; other < _ids.Length; other++)
            {
                if (!_held[other, target] || _held[other, source] || !KeepsZones(other, target, source)) continue;
                Move(shard, source, target);
                Move(other, target, source);
                return;
            }
        }
    }

    private bool KeepsZones(int shard, int source, int target) =>
        _zones[source] == _zones[target]
        || ZoneCount(shard, _zones[target]) == 0
        || ZoneCount(shard, _zones[source]) > 1;

    private int ZoneCount(int shard, int zone)
    {
        int count = 0;
        for (int node = 0; node < _nodes.Length; node++)
        {
            if (_held[shard, node] && _zones[node] == zone) count++;
        }

        return count;
    }

    private int Count(int shard)
    {
        int count = 0;
        for (int node = 0; node < _nodes.Length; node++) count += _held[shard, node] ? 1 : 0;
        return count;
    }

    /// <summary>The node of the highest score; the first on the ring among equals.</summary>
    private int Best(Func<int, long> score)
    {
        int best = 0;
        for (int node = 1; node < _nodes.Length; node++)
        {
            if (score(node) > score(best)) best = node;
        }

        return best;
    }

    private void Move(int shard, int source, int target)
    {
        Take(shard, source);
        Put(shard, target);
    }

    private void Put(int shard, int node)
    {
        Invariant.Assert(!_held[shard, node]);
        _held[shard, node] = true;
        _loads[node]++;
    }

    private void Take(int shard, int node)
    {
        Invariant.Assert(_held[shard, node]);
        _held[shard, node] = false;
        _loads[node]--;
    }

    private static int[] NumberZones(PlacementNode[] ring)
    {
        var numbers = new Dictionary<string, int>(StringComparer.Ordinal);
        int next = 0;
        return Array.ConvertAll(ring, node =>
        {
            if (node.Zone.Length == 0) return next++;
            if (!numbers.TryGetValue(node.Zone, out int zone)) numbers.Add(node.Zone, zone = next++);
            return zone;
        });
    }
}
