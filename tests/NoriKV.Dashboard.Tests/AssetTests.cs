using System.Net;
using System.Text.RegularExpressions;
using NoriKV.Interop;
using NoriKV.Server.Tests;

namespace NoriKV.Dashboard.Tests;

/// <summary>What the server has embedded is what lies in apps/dashboard, and nothing of it comes from elsewhere.</summary>
public sealed partial class AssetTests
{
    /// <summary>All files together; a page that grew past it wants another look.</summary>
    private const int BytesMax = 192 << 10;

    private static readonly string Folder = Path.Combine(InteropTools.RepositoryRoot, "apps", "dashboard");

    private static string[] Files => [.. Directory.GetFiles(Folder, "*", SearchOption.AllDirectories)
        .Select(static f => Path.GetRelativePath(Folder, f).Replace('\\', '/')).Where(static f => f != "README.md").Order()];

    [Fact]
    public async Task What_is_served_is_the_source_byte_for_byte()
    {
        await using TestServer server = await TestServer.StartFakeAsync();
        Assert.NotEmpty(Files);
        foreach (string file in Files)
        {
            byte[] source = await File.ReadAllBytesAsync(Path.Combine(Folder, file));
            Assert.Equal(source, await server.Http.GetByteArrayAsync($"/ui/{file}"));
        }

        Assert.Equal(
            await File.ReadAllBytesAsync(Path.Combine(Folder, "index.html")), await server.Http.GetByteArrayAsync("/"));
        Assert.InRange(Files.Sum(static f => new FileInfo(Path.Combine(Folder, f)).Length), 1, BytesMax);
    }

    [Fact]
    public async Task Each_answer_has_the_policy_its_type_and_a_tag()
    {
        await using TestServer server = await TestServer.StartFakeAsync();
        foreach (string path in Files.Select(static f => $"/ui/{f}").Prepend("/"))
        {
            using HttpResponseMessage answer = await server.Http.GetAsync(path);
            string policy = Assert.Single(answer.Headers.GetValues("Content-Security-Policy"));
            Assert.StartsWith("default-src 'none'; script-src 'self'; style-src 'self'", policy, StringComparison.Ordinal);
            Assert.DoesNotContain("unsafe", policy, StringComparison.Ordinal);
            Assert.NotEqual("application/octet-stream", answer.Content.Headers.ContentType!.MediaType);
            using var again = new HttpRequestMessage(HttpMethod.Get, path);
            again.Headers.IfNoneMatch.Add(answer.Headers.ETag!);
            Assert.Equal(HttpStatusCode.NotModified, (await server.Http.SendAsync(again)).StatusCode);
            using var packed = new HttpRequestMessage(HttpMethod.Get, path);
            packed.Headers.AcceptEncoding.ParseAdd("gzip");
            using HttpResponseMessage small = await server.Http.SendAsync(packed);
            Assert.Equal("gzip", Assert.Single(small.Content.Headers.ContentEncoding));
        }

        Assert.Equal(HttpStatusCode.NotFound, (await server.Http.GetAsync("/ui/none.js")).StatusCode);
        Assert.Equal(HttpStatusCode.NotFound, (await server.Http.GetAsync("/ui/")).StatusCode);
    }

    [Fact]
    public void Modules_import_only_files_that_are_there_and_nothing_comes_from_elsewhere()
    {
        foreach (string file in Files)
        {
            string text = File.ReadAllText(Path.Combine(Folder, file));
            Assert.DoesNotContain("https://", text, StringComparison.Ordinal);
            string plain = text.Replace("http://www.w3.org/2000/svg", "", StringComparison.Ordinal);
            Assert.DoesNotContain("http://", plain, StringComparison.Ordinal);
            Assert.DoesNotContain("@import", text, StringComparison.Ordinal);
            Assert.DoesNotContain("innerHTML", text, StringComparison.Ordinal);
            foreach (Match import in Imports().Matches(text))
            {
                string target = Path.GetFullPath(Path.Combine(Folder, Path.GetDirectoryName(file)!, import.Groups[1].Value));
                Assert.True(File.Exists(target), $"{file} imports {import.Groups[1].Value}");
            }
        }
    }

    [Fact]
    public async Task The_feed_is_for_pages_of_this_server_only()
    {
        await using TestServer server = await TestServer.StartFakeAsync();
        Assert.Equal(HttpStatusCode.ServiceUnavailable, (await server.Http.GetAsync("/live")).StatusCode);
        await using TestServer real = await TestServer.StartAsync();
        Assert.Equal(HttpStatusCode.UpgradeRequired, (await real.Http.GetAsync("/live")).StatusCode);
        using var foreign = new System.Net.WebSockets.ClientWebSocket();
        foreign.Options.SetRequestHeader("Origin", "http://elsewhere.example");
        await Assert.ThrowsAsync<System.Net.WebSockets.WebSocketException>(() =>
            foreign.ConnectAsync(new Uri($"ws://{real.Server.HttpEndPoint}/live"), CancellationToken.None));
        using var own = new System.Net.WebSockets.ClientWebSocket();
        own.Options.SetRequestHeader("Origin", $"http://{real.Server.HttpEndPoint}");
        await own.ConnectAsync(new Uri($"ws://{real.Server.HttpEndPoint}/live"), CancellationToken.None);
        Assert.Equal(System.Net.WebSockets.WebSocketState.Open, own.State);
    }

    [Fact]
    public async Task A_watcher_that_says_more_than_it_may_is_told_so_and_left()
    {
        await using TestServer real = await TestServer.StartAsync();
        using var socket = new System.Net.WebSockets.ClientWebSocket();
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        await socket.ConnectAsync(new Uri($"ws://{real.Server.HttpEndPoint}/live"), limit.Token);
        await SayAsync(1000);
        await SayAsync(3000);
        var close = System.Net.WebSockets.WebSocketMessageType.Close;
        byte[] buffer = new byte[1 << 16];
        while ((await socket.ReceiveAsync(buffer.AsMemory(), limit.Token)).MessageType != close)
        {
        }

        Assert.Equal(System.Net.WebSockets.WebSocketCloseStatus.MessageTooBig, socket.CloseStatus);

        Task SayAsync(int length) => socket.SendAsync(
            System.Text.Encoding.ASCII.GetBytes("{\"shards\":[1]".PadRight(length - 1) + "}"),
            System.Net.WebSockets.WebSocketMessageType.Text, true, limit.Token);
    }

    [GeneratedRegex(@"from '([^']+)'")]
    private static partial Regex Imports();
}
