using System.Net.WebSockets;
using Microsoft.AspNetCore.Http;
using NoriKV.Types;

namespace NoriKV.Transport.Http.Live;

/// <summary>GET /live: what the dashboard draws, over a WebSocket. Pages of other origins are refused.</summary>
internal sealed class LiveEndpoint(HttpFacadeParts parts)
{
    /// <summary>Bytes of a watcher's message; a longer one ends the connection.</summary>
    private const int AskedBytesMax = 1024;

    private static readonly TimeSpan GoodbyeMax = TimeSpan.FromSeconds(1);

    private int _clients;

    /// <summary>Clients that are connected.</summary>
    public int Clients => Volatile.Read(ref _clients);

    public async Task ServeAsync(HttpContext http, RawTarget target)
    {
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

        // A browser sends cookies and certificates whoever wrote the page, and WebSockets know no same origin.
        if (IsForeign(http))
        {
            await HttpAnswers.WriteErrorAsync(http, 403, "FORBIDDEN", "this page comes from elsewhere").ConfigureAwait(false);
            return;
        }

        if (Interlocked.Increment(ref _clients) > parts.Options.LiveClientsMax)
        {
            Interlocked.Decrement(ref _clients);
            await HttpAnswers.WriteErrorAsync(http, new KvError(KvCode.Overloaded, "too many clients of /live"))
                .ConfigureAwait(false);
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

    private static bool IsForeign(HttpContext http)
    {
        string? origin = http.Request.Headers.Origin;
        if (string.IsNullOrEmpty(origin)) return false;
        return !Uri.TryCreate(origin, UriKind.Absolute, out Uri? from)
            || !string.Equals(from.Authority, http.Request.Host.Value, StringComparison.OrdinalIgnoreCase);
    }

    private async Task RunAsync(HttpContext http, WebSocket socket, ILiveWatcher watcher)
    {
        using var end = CancellationTokenSource.CreateLinkedTokenSource(http.RequestAborted, parts.Stopping);
        Task listening = ListenAsync(socket, watcher, end);
        try
        {
            while (true)
            {
                ReadOnlyMemory<byte> message = await watcher.NextAsync(end.Token).ConfigureAwait(false);
                using var limit = new CancellationTokenSource(parts.Options.EventSendTimeout, parts.Time);
                await socket.SendAsync(message, WebSocketMessageType.Text, true, limit.Token).ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException) when (end.IsCancellationRequested)
        {
            // The client closed, or the server stops.
        }

        if (socket.State is WebSocketState.Open or WebSocketState.CloseReceived)
        {
            using var limit = new CancellationTokenSource(GoodbyeMax, parts.Time);
            WebSocketCloseStatus why = parts.Stopping.IsCancellationRequested
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

    private static async Task ListenAsync(WebSocket socket, ILiveWatcher watcher, CancellationTokenSource end)
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
