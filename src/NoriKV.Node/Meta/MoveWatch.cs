using NoriKV.Types;

namespace NoriKV.Node.Meta;

/// <summary>For how long each move's record is as it is. Known to the meta leader only, and anew to each.</summary>
/// <remarks>Written by the driver's round; read by anybody, of whom nobody changes what he got.</remarks>
internal sealed class MoveWatch(MetaContext context)
{
    /// <summary>Looks that are further apart were made by another term, or none were made between.</summary>
    private static readonly TimeSpan GapMax = TimeSpan.FromSeconds(30);

    private IReadOnlyDictionary<ShardId, (string Words, long Since)> _moves =
        new Dictionary<ShardId, (string Words, long Since)>();

    private long _lookedAt;

    public void Look(MetaState state)
    {
        long now = context.Now;
        bool goesOn = _lookedAt != 0 && context.Time.GetElapsedTime(_lookedAt, now) < GapMax;
        _lookedAt = now;
        IReadOnlyDictionary<ShardId, (string Words, long Since)> before = Volatile.Read(ref _moves);
        var moves = new Dictionary<ShardId, (string Words, long Since)>();
        foreach (MetaShard shard in state.Shards)
        {
            if (shard.MoveText is not { } words) continue;
            bool isSame = goesOn && before.TryGetValue(shard.Shard, out (string Words, long Since) known) && known.Words == words;
            moves[shard.Shard] = (words, isSame ? before[shard.Shard].Since : now);
        }

        Volatile.Write(ref _moves, moves);
    }

    /// <summary>The moves under way at the last look, by shard, and since when.</summary>
    public IEnumerable<(ShardId Shard, string Words, TimeSpan Stands)> Moves => Volatile.Read(ref _moves)
        .OrderBy(static m => m.Key.Value)
        .Select(m => (m.Key, m.Value.Words, context.Since(m.Value.Since)));
}
