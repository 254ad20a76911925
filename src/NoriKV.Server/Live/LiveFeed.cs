using System.Text.Json;
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
        private readonly CancellationTokenSource _end = new();
        private readonly TaskCompletionSource _hourComes = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private ReadOnlyMemory<byte> _rest;
        private bool _hasGreeted;
        private bool _isText;
        private bool _wasPresent;
        private long _version;

        // Asked for once a connection.
        private HourPieces? _hour;
        private int _askedHour;
        private int _disposed;

        public Watcher(LiveFeed feed, long eventsAfter)
        {
            _feed = feed;
            _messages = new LiveMessages(eventsAfter, feed.Time);
            _budget = new LiveBudget(feed.Time);
            (_number, _version) = feed.Loop.Watch();
        }

        public async ValueTask<LivePiece> NextAsync(CancellationToken cancellationToken)
        {
            bool begins = _rest.IsEmpty;
            if (begins) await BeginAsync(cancellationToken).ConfigureAwait(false);
            ReadOnlyMemory<byte> piece = _rest[..Math.Min(_rest.Length, LiveBudget.PieceBytesMax)];
            while (_budget.Wait(piece.Length, begins) is { Ticks: > 0 } wait)
                await Task.Delay(wait, _feed.Time, cancellationToken).ConfigureAwait(false);
            _rest = _rest[piece.Length..];
            _budget.Spend(piece.Length, _rest.IsEmpty);
            return new LivePiece(piece, _isText, _rest.IsEmpty);
        }

        // Only when there is room for its first piece: what happened while the budget was waited for is in it.
        private async ValueTask BeginAsync(CancellationToken cancellationToken)
        {
            _isText = true;
            if (!_hasGreeted)
            {
                _hasGreeted = true;
                _rest = _messages.Hello(
                    _feed.Node.Health.NodeId, _feed.Cluster.ClusterId, _feed.Cluster.TotalShards, _feed.Cluster.HashTags, _feed._process,
                    Routes);
                return;
            }

            while (true)
            {
                while (_budget.Wait(LiveBudget.PieceBytesMax, begins: true) is { Ticks: > 0 } wait)
                    await Task.Delay(wait, _feed.Time, cancellationToken).ConfigureAwait(false);

                // Present and past take turns: neither starves the other.
                LiveCluster cluster = _feed.Loop.Current;
                HourPieces? hour = Volatile.Read(ref _hour);
                if (cluster.Version > _version && (hour is null || !_wasPresent))
                {
                    (_version, _wasPresent) = (cluster.Version, true);
                    _rest = _messages.Next(cluster, _feed.Loop.Events, _watched);
                    return;
                }

                if (hour is not null)
                {
                    (_rest, _wasPresent) = (hour.Next(), false);
                    _isText = _rest.IsEmpty;
                    if (!_rest.IsEmpty) return;
                    hour.Dispose();
                    Volatile.Write(ref _hour, null);
                    continue;
                }

                Task newer = _feed.Loop.NewerAsync(_version, cancellationToken);
                Task hourComes = _hourComes.Task;
                if (hourComes.IsCompleted) await newer.ConfigureAwait(false);
                else await Task.WhenAny(newer, hourComes).ConfigureAwait(false);
                cancellationToken.ThrowIfCancellationRequested();
            }
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
                Volatile.Write(ref _hour, new HourPieces(HourLines.Of(nodes), LiveBudget.PieceBytesMax));
            }
            catch (Exception gone) when (gone is OperationCanceledException or ObjectDisposedException)
            {
                // The watcher left.
            }
            finally
            {
                _hourComes.TrySetResult();
            }
        }
    }

    private LiveLoop Loop => loop;

    private ILiveNode Node => node;

    private ClusterView Cluster => cluster;

    private TimeProvider Time => time;
}
