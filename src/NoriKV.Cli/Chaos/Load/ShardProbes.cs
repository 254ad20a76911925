using System.Globalization;
using System.Text;
using NoriKV.Client;
using NoriKV.Placement;
using NoriKV.Types;

namespace NoriKV.Cli.Chaos.Load;

/// <summary>A key in each shard, and writes to them: does a shard take writes, and since when.</summary>
internal sealed class ShardProbes
{
    private static readonly TimeSpan Again = TimeSpan.FromMilliseconds(5);

    private readonly INoriKV _client;
    private readonly TimeProvider _time;
    private readonly byte[][] _keys;

    // By shard: why the last write to it failed; null once one did not.
    private readonly string?[] _failed;

    /// <param name="client">Its deadline bounds one attempt.</param>
    /// <param name="shards">Of the cluster.</param>
    /// <param name="time">The stopwatch.</param>
    public ShardProbes(INoriKV client, int shards, TimeProvider time)
    {
        (_client, _time, _keys, _failed) = (client, time, new byte[shards][], new string?[shards]);
        for (int n = 0, missing = shards; missing > 0; n++)
        {
            byte[] key = Encoding.UTF8.GetBytes("probe/" + n.ToString(CultureInfo.InvariantCulture));
            ref byte[] place = ref _keys[KeyHash.Shard(key, shards, hashTags: false).Value];
            if (place is not null) continue;
            (place, missing) = (key, missing - 1);
        }
    }

    /// <summary>All shards.</summary>
    public IEnumerable<int> All => Enumerable.Range(0, _keys.Length);

    /// <summary>The shards whose last write failed, and why the first of them did.</summary>
    public string Failing => All.Where(s => _failed[s] is not null).ToArray() is [var first, ..] failing
        ? $"shard {string.Join(' ', failing)}: {_failed[first]}"
        : "no shard";

    /// <summary>How long it takes from now until each of these shards has taken a write; null when one has not in time.</summary>
    public async Task<TimeSpan?> UntilWritableAsync(IEnumerable<int> shards, TimeSpan limit, CancellationToken cancellationToken) =>
        await WritableAfterAsync(shards, limit, cancellationToken).ConfigureAwait(false) is { } took
            ? took.LastOrDefault()
            : null;

    /// <summary>After what time each of these shards has taken a write, sorted; null when one has not in time.</summary>
    public async Task<TimeSpan[]?> WritableAfterAsync(IEnumerable<int> shards, TimeSpan limit, CancellationToken cancellationToken)
    {
        long begun = _time.GetTimestamp();
        using var late = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        late.CancelAfter(limit);
        try
        {
            TimeSpan[] took = await Task.WhenAll(shards.Select(s => UntilWritableAsync(s, begun, late.Token))).ConfigureAwait(false);
            return [.. took.Order()];
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return null;
        }
    }

    private async Task<TimeSpan> UntilWritableAsync(int shard, long begun, CancellationToken cancellationToken)
    {
        while (true)
        {
            try
            {
                await _client.PutAsync(_keys[shard], "probe"u8.ToArray(), null, cancellationToken).ConfigureAwait(false);
                _failed[shard] = null;
                return _time.GetElapsedTime(begun);
            }
            catch (NoriKVException e)
            {
                _failed[shard] = e.Message;
                cancellationToken.ThrowIfCancellationRequested();
                await Task.Delay(Again, _time, cancellationToken).ConfigureAwait(false);
            }
        }
    }
}
