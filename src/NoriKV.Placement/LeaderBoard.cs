using NoriKV.Types;

namespace NoriKV.Placement;

/// <summary>
/// Leaderships as a graph: an edge from the leader's node to each other node that holds the shard. A path from a node
/// that leads too many to one that leads too few is a set of transfers that levels both by one.
/// </summary>
internal sealed class LeaderBoard
{
    private readonly NodeNumber[] _nodes;
    private readonly IReadOnlyList<ShardAssignment> _assignment;
    private readonly int[][] _replicas;
    private readonly int[] _leaders;
    private readonly int[] _leads;

    public LeaderBoard(IReadOnlyList<ShardAssignment> assignment, IReadOnlyList<NodeNumber?> leaders)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(leaders.Count, assignment.Count);
        _assignment = assignment;
        _nodes = [.. assignment.SelectMany(static a => a.Replicas).Distinct().Order()];
        _replicas = [.. assignment.Select(a => a.Replicas.Select(n => Array.IndexOf(_nodes, n)).Order().ToArray())];
        _leaders = [.. leaders.Select(n => n is { } number ? Array.IndexOf(_nodes, number) : -1)];
        _leads = new int[_nodes.Length];
        foreach (int leader in _leaders)
        {
            if (leader >= 0) _leads[leader]++;
        }
    }

    public IReadOnlyList<LeaderTransfer> Level()
    {
        int[] before = [.. _leaders];
        while (TryLevelOne())
        {
        }

        var transfers = new List<LeaderTransfer>();
        for (int shard = 0; shard < _leaders.Length; shard++)
        {
            if (_leaders[shard] == before[shard]) continue;
            transfers.Add(new LeaderTransfer(
                _assignment[shard].Shard, _nodes[before[shard]], _nodes[_leaders[shard]]));
        }

        return transfers;
    }

    private bool TryLevelOne()
    {
        foreach (int source in Enumerable.Range(0, _nodes.Length).OrderByDescending(n => _leads[n]).ThenBy(n => n))
        {
            if (TryLevelFrom(source)) return true;
        }

        return false;
    }

    private bool TryLevelFrom(int source)
    {
        int[] via = new int[_nodes.Length];
        Array.Fill(via, -1);
        var queue = new Queue<int>();
        queue.Enqueue(source);
        while (queue.TryDequeue(out int node))
        {
            for (int shard = 0; shard < _leaders.Length; shard++)
            {
                if (_leaders[shard] != node) continue;
                foreach (int target in _replicas[shard])
                {
                    if (target == source || via[target] >= 0) continue;
                    via[target] = shard;
                    if (_leads[source] - _leads[target] > 1)
                    {
                        Transfer(source, target, via);
                        return true;
                    }

                    queue.Enqueue(target);
                }
            }
        }

        return false;
    }

    private void Transfer(int source, int target, int[] via)
    {
        _leads[source]--;
        _leads[target]++;
        for (int node = target; node != source;)
        {
            int shard = via[node];
            int previous = _leaders[shard];
            _leaders[shard] = node;
            node = previous;
        }
    }
}
