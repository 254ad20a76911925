using System.Buffers;
using System.Globalization;
using System.Net.WebSockets;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Nori.Observe;
using NoriKV.Types;

namespace NoriKV.Transport.Http;

/// <summary>
/// GET /events: VizEvents over a WebSocket, one JSON object a message. <c>family=</c> and <c>kind=</c>
/// (comma-separated) choose; <c>since=</c> and <c>epoch=</c> resume behind a number as far as the ring remembers,
/// otherwise only what comes is sent. <c>once=1</c> ends behind what is remembered, <c>hello=1</c> has it begin with where it
/// begins. What the feed says of itself, whatever was chosen, has the family <c>Feed</c> (docs/formats/events.md).
/// </summary>
/// <remarks>
/// A client is a position in the shared ring, which is its bounded queue: one that reads too slowly misses the oldest, is told how
/// many (<c>Dropped</c>), and goes on with the newer. Numbers begin anew with each process: a position of an earlier one is answered
/// with <c>Restarted</c> and all that this one remembers, for what the earlier one did behind it is known to nobody.
/// </remarks>
internal sealed class EventsEndpoint(HttpFacadeParts parts)
{
    /// <summary>How long a client may take to answer our goodbye; one that never reads would hold up the end.</summary>
    private static readonly TimeSpan GoodbyeMax = TimeSpan.FromSeconds(1);

    private int _clients;

    /// <summary>Clients that are connected.</summary>
    public int Clients => Volatile.Read(ref _clients);

    public async Task ServeAsync(HttpContext http, RawTarget target)
    {
        if (parts.Events is not { } ring)
        {
            await HttpAnswers.WriteErrorAsync(http, 404, "NOT_FOUND", "this server keeps no events")
                .ConfigureAwait(false);
            return;
        }

        target.Only("family", "kind", "since", "epoch", "once", "hello");
        var filter = new EventFilter(target.Words("family"), target.Words("kind"));
        long? since = target.Number("since") is { } number ? (long)Math.Min(number, long.MaxValue) : null;
        long? epoch = target.Number("epoch") is { } whose ? (long)Math.Min(whose, long.MaxValue) : null;
        bool once = target.Flag("once");

        // A number alone may be an earlier process's, and the events behind it would be left out without a word.
        if (since > 0 && epoch is null)
        {
            const string Why = "since= is a number of one process: send epoch= along, which stands beside seq in each event";
            await HttpAnswers.WriteErrorAsync(http, new KvError(KvCode.InvalidArgument, Why)).ConfigureAwait(false);
            return;
        }

        bool isOfAnother = since is not null && epoch is not null && (epoch != ring.Epoch || since > ring.Emitted);
        byte[]? before = isOfAnother
            ? Word(ring, 0, $"\"kind\":\"Restarted\",\"since\":{since},\"since_epoch\":{epoch}")
            : null;
        if (isOfAnother || (once && since is null)) since = 0;
        if (!http.WebSockets.IsWebSocketRequest)
        {
            http.Response.Headers.Upgrade = "websocket";
            await HttpAnswers.WriteErrorAsync(http, 426, "UPGRADE_REQUIRED", "this route speaks WebSocket")
                .ConfigureAwait(false);
            return;
        }

        if (Origins.IsForeign(http))
        {
            await Origins.RefuseAsync(http).ConfigureAwait(false);
            return;
        }

        if (Interlocked.Increment(ref _clients) > parts.Options.EventClientsMax)
        {
            Interlocked.Decrement(ref _clients);
            await HttpAnswers.WriteErrorAsync(http, new KvError(KvCode.Overloaded, "too many clients of /events"))
                .ConfigureAwait(false);
            return;
        }

        try
        {
            // Before the handshake is answered: what happens from then on is seen.
            EventSubscription events = ring.Subscribe(since);
            if (before is null && target.Flag("hello")) before = Word(ring, events.Position, "\"kind\":\"Began\"");
            using WebSocket socket = await http.WebSockets.AcceptWebSocketAsync().ConfigureAwait(false);
            using var end = CancellationTokenSource.CreateLinkedTokenSource(http.RequestAborted, parts.Stopping);
            Task listening = ListenAsync(socket, end);
            if (before is not null) await SendAsync(socket, before).ConfigureAwait(false);
            await SendAllAsync(socket, ring, events, filter, once, end.Token).ConfigureAwait(false);
            await GoodbyeAsync(socket, listening).ConfigureAwait(false);
        }
        catch (Exception gone) when (gone is WebSocketException or OperationCanceledException or IOException)
        {
            // The client left, or was too slow to be kept.
        }
        finally
        {
            Interlocked.Decrement(ref _clients);
        }
    }

    private async Task SendAllAsync(
        WebSocket socket, EventRing ring, EventSubscription events, EventFilter filter, bool once,
        CancellationToken cancellationToken)
    {
        var record = new EventRecord();
        var buffer = new ArrayBufferWriter<byte>(512);
        using var json = new Utf8JsonWriter(buffer);
        long dropped = 0;
        try
        {
            while (!cancellationToken.IsCancellationRequested)
            {
                if (!events.TryRead(record))
                {
                    if (once) break;
                    await events.WaitAsync(cancellationToken).ConfigureAwait(false);
                    continue;
                }

                if (events.Dropped > dropped)
                {
                    long missed = events.Dropped - dropped;
                    byte[] gap = Word(ring, record.Sequence - 1, $"\"kind\":\"Dropped\",\"dropped\":{missed}");
                    await SendAsync(socket, gap).ConfigureAwait(false);
                    dropped = events.Dropped;
                }

                if (!filter.Takes(record)) continue;
                buffer.ResetWrittenCount();
                json.Reset();
                MetaGroup.Name(record, parts.Node.View.TotalShards);
                EventJson.Write(json, record, parts.Node.NodeId, ring.Epoch);
                json.Flush();
                await SendAsync(socket, buffer.WrittenMemory).ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            // The client closed, or the server stops: say goodbye below.
        }

        if (socket.State is not (WebSocketState.Open or WebSocketState.CloseReceived)) return;
        using var limit = new CancellationTokenSource(parts.Options.EventSendTimeout, parts.Time);
        WebSocketCloseStatus status = parts.Stopping.IsCancellationRequested
            ? WebSocketCloseStatus.EndpointUnavailable
            : WebSocketCloseStatus.NormalClosure;
        await socket.CloseOutputAsync(status, null, limit.Token).ConfigureAwait(false);
    }

    private async Task GoodbyeAsync(WebSocket socket, Task listening)
    {
        try
        {
            await listening.WaitAsync(GoodbyeMax, parts.Time).ConfigureAwait(false);
        }
        catch (TimeoutException)
        {
            socket.Abort();
            await listening.ConfigureAwait(false);
        }
    }

    private async Task SendAsync(WebSocket socket, ReadOnlyMemory<byte> json)
    {
        using var limit = new CancellationTokenSource(parts.Options.EventSendTimeout, parts.Time);
        await socket.SendAsync(json, WebSocketMessageType.Text, true, limit.Token).ConfigureAwait(false);
    }

    // What a client sends is ignored; that it closes or goes away is heard here.
    private static async Task ListenAsync(WebSocket socket, CancellationTokenSource end)
    {
        byte[] buffer = new byte[512];
        try
        {
            while (true)
            {
                ValueWebSocketReceiveResult got =
                    await socket.ReceiveAsync(buffer.AsMemory(), CancellationToken.None)
                        .ConfigureAwait(false);
                if (got.MessageType == WebSocketMessageType.Close) break;
            }
        }
        catch (Exception gone) when (gone is WebSocketException or OperationCanceledException or IOException)
        {
        }

        await end.CancelAsync().ConfigureAwait(false);
    }

    // Its number is a position, as an event's is: whoever resumes behind it misses nothing and gets nothing twice.
    private byte[] Word(EventRing ring, long sequence, string what)
    {
        string time = parts.Time.GetUtcNow().ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture);
        string place = string.Create(CultureInfo.InvariantCulture, $"\"seq\":{sequence},\"epoch\":{ring.Epoch}");
        return Encoding.UTF8.GetBytes(
            $"{{{place},\"t\":\"{time}\",\"node\":\"{parts.Node.NodeId}\",\"family\":\"Feed\",{what}}}");
    }
}
