using System.Text.Json;
using System.Threading.Channels;
using NoriKV.Node.Live;
using NoriKV.Transport.Http.Live;
using NoriKV.Types;

namespace NoriKV.Server.Live;

/// <summary>What /live serves: each watcher the differences it lacks, within its budget.</summary>
internal sealed class LiveFeed(LiveLoop loop, ILiveNode node, ClusterView cluster, TimeProvider time) : ILiveFeed
{
    // What else the page may ask for.
    private static readonly string[] Routes = ["slow", "doctor"];

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
        private readonly CancellationTokenSource _end = new();

        // Bounded by what nodes remember: it is asked for once a connection.
        private readonly Channel<ReadOnlyMemory<byte>> _hour = Channel.CreateUnbounded<ReadOnlyMemory<byte>>();
        private int _askedHour;
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
                    _feed.Node.Health.NodeId, _feed.Cluster.ClusterId, _feed.Cluster.TotalShards, _feed.Cluster.HashTags, _feed._process,
                    Routes));
            }

            while (true)
            {
                // The hour passes between messages of the present, as far as the budget has room.
                while (_budget.Wait() is { Ticks: > 0 } wait)
                    await Task.Delay(wait, _feed.Time, cancellationToken).ConfigureAwait(false);
                if (_feed.Loop.Current.Version > _version) break;
                bool hasHour = _hour.Reader.TryPeek(out _);
                if (hasHour && _budget.HasRoom && _hour.Reader.TryRead(out ReadOnlyMemory<byte> chunk)) return Spent(chunk);
                Task newer = _feed.Loop.NewerAsync(_version, cancellationToken);
                if (hasHour) await Task.WhenAny(newer, Task.Delay(LiveBudget.Spacing, _feed.Time, cancellationToken)).ConfigureAwait(false);
                else await newer.ConfigureAwait(false);
                cancellationToken.ThrowIfCancellationRequested();
            }

            // Only now: what happened while the budget was waited for is in it.
            LiveCluster cluster = _feed.Loop.Current;
            _version = cluster.Version;
            return Spent(_messages.Next(cluster, _feed.Loop.Events, _watched));
        }

        public void Ask(ReadOnlySpan<byte> message)
        {
            List<uint>? shards = null;
            bool hour = false;
            try
            {
                var reader = new Utf8JsonReader(message, new JsonReaderOptions { MaxDepth = 4 });
                if (!JsonDocument.TryParseValue(ref reader, out JsonDocument? document)) return;
                using (document)
                {
                    JsonElement root = document.RootElement;
                    if (root.ValueKind != JsonValueKind.Object) return;
                    hour = root.TryGetProperty("hour", out JsonElement wants) && wants.ValueKind == JsonValueKind.True;
                    shards = root.TryGetProperty("shards", out JsonElement asked) ? Numbers(asked) : null;
                }
            }
            catch (JsonException)
            {
                return; // Not for us.
            }

            if (hour && Interlocked.Exchange(ref _askedHour, 1) == 0) _ = GatherHourAsync();
            if (shards is null) return;
            _watched = [.. shards];
            _feed.Loop.LookAt(_number, _watched);
        }

        public void Dispose()
        {
            if (Interlocked.Exchange(ref _disposed, 1) != 0) return;
            _feed.Loop.Leave(_number);
            _end.Cancel();
            _end.Dispose();
            _messages.Dispose();
        }

        private static List<uint> Numbers(JsonElement asked)
        {
            var numbers = new List<uint>();
            if (asked.ValueKind != JsonValueKind.Array) return numbers;
            foreach (JsonElement one in asked.EnumerateArray().Take(PictureQuestion.ShardsMax))
            {
                if (one.ValueKind == JsonValueKind.Number && one.TryGetUInt32(out uint number)) numbers.Add(number);
            }

            return numbers;
        }

        private async Task GatherHourAsync()
        {
            try
            {
                IReadOnlyList<(string, HourPicture)> nodes = await _feed.Loop.HourAsync(_end.Token).ConfigureAwait(false);
                foreach (ReadOnlyMemory<byte> chunk in HourChunks.Of(nodes)) _hour.Writer.TryWrite(chunk);
            }
            catch (Exception gone) when (gone is OperationCanceledException or ObjectDisposedException)
            {
                // The watcher left.
            }
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
