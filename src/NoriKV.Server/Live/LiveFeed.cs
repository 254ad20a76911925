using System.Text.Json;
using NoriKV.Node.Live;
using NoriKV.Transport.Http.Live;
using NoriKV.Types;

namespace NoriKV.Server.Live;

/// <summary>What /live serves: each watcher the differences it lacks, within its budget.</summary>
internal sealed class LiveFeed(LiveLoop loop, ILiveNode node, ClusterView cluster, TimeProvider time) : ILiveFeed
{
    // Of this process: numbers of events begin anew with another one.
    private readonly string _process = $"{node.Number.Value}-{node.BootEpoch}";

    public ILiveWatcher Watch(string? process, long eventsAfter) =>
        new Watcher(this, process == _process ? eventsAfter : 0);

    private sealed class Watcher : ILiveWatcher
    {
        private readonly LiveFeed _feed;
        private readonly LiveMessages _messages;
        private readonly LiveBudget _budget;
        private readonly int _number;
        private volatile uint[] _watched = [];
        private long _version = -1;
        private int _disposed;

        public Watcher(LiveFeed feed, long eventsAfter)
        {
            _feed = feed;
            _messages = new LiveMessages(eventsAfter, feed.Time);
            _budget = new LiveBudget(feed.Time);
            _number = feed.Loop.Watch();
        }

        public async ValueTask<ReadOnlyMemory<byte>> NextAsync(CancellationToken cancellationToken)
        {
            if (_version < 0)
            {
                _version = 0;
                return Spent(_messages.Hello(
                    _feed.Node.Health.NodeId, _feed.Cluster.ClusterId, _feed.Cluster.TotalShards, _feed.Cluster.HashTags, _feed._process));
            }

            await _feed.Loop.NewerAsync(_version, cancellationToken).ConfigureAwait(false);
            while (_budget.Wait() is { Ticks: > 0 } wait)
                await Task.Delay(wait, _feed.Time, cancellationToken).ConfigureAwait(false);

            // Only now: what happened while the budget was waited for is in it.
            LiveCluster cluster = _feed.Loop.Current;
            _version = cluster.Version;
            return Spent(_messages.Next(cluster, _feed.Loop.Events, _watched));
        }

        public void Ask(ReadOnlySpan<byte> message)
        {
            var shards = new List<uint>();
            try
            {
                var reader = new Utf8JsonReader(message, new JsonReaderOptions { MaxDepth = 4 });
                if (!JsonDocument.TryParseValue(ref reader, out JsonDocument? document)) return;
                using (document)
                {
                    JsonElement root = document.RootElement;
                    if (root.ValueKind != JsonValueKind.Object || !root.TryGetProperty("shards", out JsonElement asked)) return;
                    if (asked.ValueKind != JsonValueKind.Array) return;
                    foreach (JsonElement shard in asked.EnumerateArray().Take(PictureQuestion.ShardsMax))
                    {
                        if (shard.ValueKind == JsonValueKind.Number && shard.TryGetUInt32(out uint number)) shards.Add(number);
                    }
                }
            }
            catch (JsonException)
            {
                return; // Not for us.
            }

            _watched = [.. shards];
            _feed.Loop.LookAt(_number, _watched);
        }

        public void Dispose()
        {
            if (Interlocked.Exchange(ref _disposed, 1) != 0) return;
            _feed.Loop.Leave(_number);
            _messages.Dispose();
        }

        private ReadOnlyMemory<byte> Spent(ReadOnlyMemory<byte> message)
        {
            _budget.Spend(message.Length);
            return message;
        }
    }

    private LiveLoop Loop => loop;

    private ILiveNode Node => node;

    private ClusterView Cluster => cluster;

    private TimeProvider Time => time;
}
