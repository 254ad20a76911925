using System.Net.WebSockets;
using System.Runtime.CompilerServices;
using Microsoft.AspNetCore.Http;
using NoriKV.Types;

namespace NoriKV.Transport.Http.Live;

/// <summary>GET /live: what the dashboard draws, over a WebSocket. Pages of other origins are refused.</summary>
internal sealed class LiveEndpoint(HttpFacadeParts parts)
{
    /// <summary>Bytes of a watcher's message; a longer one ends the connection.</summary>
    private const int AskedBytesMax = 1024;

    /// <summary>RFC 6455's registry: 1013.</summary>
    private const WebSocketCloseStatus TryAgainLater = (WebSocketCloseStatus)1013;

    private static readonly TimeSpan GoodbyeMax = TimeSpan.FromSeconds(1);

    private int _clients;

    /// <summary>Clients that are connected.</summary>
    public int Clients => Volatile.Read(ref _clients);

    public async Task ServeAsync(HttpContext http, RawTarget target)
    {
        target.Only("process", "since");
        if (parts.Live() is not { } feed)
        {
            await HttpAnswers.WriteErrorAsync(http, new KvError(KvCode.Unavailable, "this node shows nothing yet"))
                .ConfigureAwait(false);
            return;
        }

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

        if (Interlocked.Increment(ref _clients) > parts.Options.LiveClientsMax)
        {
            Interlocked.Decrement(ref _clients);
            await RefuseAsync(http).ConfigureAwait(false);
            return;
        }

        try
        {
            using WebSocket socket = await http.WebSockets.AcceptWebSocketAsync().ConfigureAwait(false);
            using ILiveWatcher watcher =
                feed.Watch(target.Text("process"), (long)Math.Min(target.Number("since") ?? 0, long.MaxValue));
            await RunAsync(http, socket, watcher).ConfigureAwait(false);
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

    // A browser tells its page nothing of an answer that is no WebSocket: the reason is told on one that is closed at once.
    private async Task RefuseAsync(HttpContext http)
    {
        try
        {
            using var limit = new CancellationTokenSource(GoodbyeMax, parts.Time);
            using WebSocket socket = await http.WebSockets.AcceptWebSocketAsync().ConfigureAwait(false);
            string why = $"{parts.Options.LiveClientsMax} pages watch this node already";
            await socket.CloseOutputAsync(TryAgainLater, why, limit.Token).ConfigureAwait(false);
            byte[] rest = new byte[AskedBytesMax];
            while ((await socket.ReceiveAsync(rest.AsMemory(), limit.Token).ConfigureAwait(false)).MessageType
                != WebSocketMessageType.Close)
            {
            }
        }
        catch (Exception gone) when (gone is WebSocketException or OperationCanceledException or IOException)
        {
            // It left first, or does not answer the close.
        }
    }

    private async Task RunAsync(HttpContext http, WebSocket socket, ILiveWatcher watcher)
    {
        using var end = CancellationTokenSource.CreateLinkedTokenSource(http.RequestAborted, parts.Stopping);
        var isTooBig = new StrongBox<bool>();
        Task listening = ListenAsync(socket, watcher, isTooBig, end);
        try
        {
            while (true)
            {
                LivePiece piece = await watcher.NextAsync(end.Token).ConfigureAwait(false);
                using var limit = new CancellationTokenSource(parts.Options.EventSendTimeout, parts.Time);
                WebSocketMessageType type = piece.IsText ? WebSocketMessageType.Text : WebSocketMessageType.Binary;
                await socket.SendAsync(piece.Bytes, type, piece.IsEnd, limit.Token).ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException) when (end.IsCancellationRequested)
        {
            // The client closed, or the server stops.
        }

        if (socket.State is WebSocketState.Open or WebSocketState.CloseReceived)
        {
            using var limit = new CancellationTokenSource(GoodbyeMax, parts.Time);
            WebSocketCloseStatus why = isTooBig.Value
                ? WebSocketCloseStatus.MessageTooBig
                : parts.Stopping.IsCancellationRequested
                    ? WebSocketCloseStatus.EndpointUnavailable
                    : WebSocketCloseStatus.NormalClosure;
            await socket.CloseOutputAsync(why, null, limit.Token).ConfigureAwait(false);
        }

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

    private static async Task ListenAsync(
        WebSocket socket, ILiveWatcher watcher, StrongBox<bool> isTooBig, CancellationTokenSource end)
    {
        byte[] buffer = new byte[AskedBytesMax];
        int length = 0;
        try
        {
            while (true)
            {
                ValueWebSocketReceiveResult got =
                    await socket.ReceiveAsync(buffer.AsMemory(length), CancellationToken.None).ConfigureAwait(false);
                if (got.MessageType == WebSocketMessageType.Close) break;
                length += got.Count;
                if (got.EndOfMessage)
                {
                    watcher.Ask(buffer.AsSpan(0, length));
                    length = 0;
                }
                else if (length == buffer.Length)
                {
                    isTooBig.Value = true;
                    break;
                }
            }
        }
        catch (Exception gone) when (gone is WebSocketException or OperationCanceledException or IOException)
        {
        }

        await end.CancelAsync().ConfigureAwait(false);
    }
}
