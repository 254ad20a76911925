using System.Net.WebSockets;
using System.Runtime.CompilerServices;
using System.Text;
using System.Text.Json;

namespace NoriKV.Cli.Events;

/// <summary>
/// The events of one node over its WebSocket, a JSON object each. While it follows it connects again when the connection is
/// lost, and goes on behind the last event it got.
/// </summary>
internal sealed class EventFeed(Uri node, string query, TimeProvider time)
{
    private const int MessageBytesMax = 1 << 20;
    private static readonly TimeSpan RetryFirst = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan RetryMax = TimeSpan.FromSeconds(5);

    /// <summary>Told when events are missing, with the kind of the message that says so: Dropped or Restarted.</summary>
    public Action<string>? OnGap { get; init; }

    /// <summary>Told when the connection is lost, with the reason.</summary>
    public Action<string>? OnLost { get; init; }

    /// <summary>The last event that came, or where the node begins; null before it said.</summary>
    public EventPosition? Last { get; private set; }

    /// <summary>Reads until the node closes, or for ever while it follows.</summary>
    /// <param name="follow">Whether to wait for what comes, and to connect again.</param>
    /// <param name="since">Behind which event to begin; null for where the node begins.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <exception cref="WebSocketException">The first connection fails; while it does not follow, any.</exception>
    public async IAsyncEnumerable<string> ReadAsync(
        bool follow, EventPosition? since, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        Last = since;
        TimeSpan wait = RetryFirst;
        bool wasConnected = false;
        while (true)
        {
            using var socket = new ClientWebSocket();
            string? lost = null;
            try
            {
                await socket.ConnectAsync(Address(follow), cancellationToken).ConfigureAwait(false);
                (wasConnected, wait) = (true, RetryFirst);
            }
            catch (WebSocketException failure) when (wasConnected)
            {
                lost = failure.Message;
            }

            while (lost is null)
            {
                string? message = null;
                try
                {
                    message = await ReceiveAsync(socket, cancellationToken).ConfigureAwait(false);
                }
                catch (WebSocketException failure) when (follow)
                {
                    lost = failure.Message;
                    break;
                }

                if (message is null) break;
                (EventPosition? at, string? word) = Read(message);
                Last = at ?? Last;
                // Where the node begins is for the next connection, should no event come before this one is lost.
                if (word == "Began") continue;
                if (word is not null) OnGap?.Invoke(word);
                yield return message;
            }

            if (!follow) yield break;
            OnLost?.Invoke(lost ?? "the node closed the connection");
            await Task.Delay(wait, time, cancellationToken).ConfigureAwait(false);
            wait = wait * 2 < RetryMax ? wait * 2 : RetryMax;
        }
    }

    private Uri Address(bool follow)
    {
        string text = query + (follow ? "&hello=1" : "&once=1");
        if (Last is { } last) text += $"&since={last.Sequence}" + (last.Sequence > 0 ? $"&epoch={last.Epoch}" : "");
        return new UriBuilder(node)
        {
            Scheme = node.Scheme == "https" ? "wss" : "ws",
            Path = "/events",
            Query = text.TrimStart('&'),
        }.Uri;
    }

    private static async Task<string?> ReceiveAsync(ClientWebSocket socket, CancellationToken cancellationToken)
    {
        byte[] buffer = new byte[8192];
        using var message = new MemoryStream();
        while (true)
        {
            ValueWebSocketReceiveResult got =
                await socket.ReceiveAsync(buffer.AsMemory(), cancellationToken).ConfigureAwait(false);
            if (got.MessageType == WebSocketMessageType.Close) return null;
            message.Write(buffer, 0, got.Count);
            if (message.Length > MessageBytesMax) throw new WebSocketException("an event has more than 1 MiB");
            if (got.EndOfMessage) return Encoding.UTF8.GetString(message.GetBuffer(), 0, (int)message.Length);
        }
    }

    // What the feed says of itself, its kind, too.
    private static (EventPosition? At, string? Word) Read(string message)
    {
        try
        {
            using JsonDocument json = JsonDocument.Parse(message);
            JsonElement e = json.RootElement;
            if (e.ValueKind != JsonValueKind.Object) return default;
            bool isPlaced = e.TryGetProperty("seq", out JsonElement seq) & e.TryGetProperty("epoch", out JsonElement epoch);
            EventPosition? at = isPlaced && seq.TryGetInt64(out long number) && epoch.TryGetInt64(out long whose)
                ? new EventPosition(whose, number)
                : null;
            bool isWord = e.TryGetProperty("family", out JsonElement family) && family.ValueEquals("Feed");
            return (at, isWord && e.TryGetProperty("kind", out JsonElement kind) ? kind.ToString() : null);
        }
        catch (Exception bad) when (bad is JsonException or InvalidOperationException)
        {
            return default;
        }
    }
}
