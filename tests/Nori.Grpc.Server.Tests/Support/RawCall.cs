using System.Net;

namespace Nori.Grpc.Server.Tests;

/// <summary>One HTTP/2 request of any shape, and what came back, with no gRPC client in between.</summary>
internal static class RawCall
{
    private static readonly HttpMessageInvoker Http = new(new SocketsHttpHandler { UseProxy = false });

    public sealed record Answer(int Http, string? GrpcStatus, string? Message, HttpResponseMessage Response, byte[] Body)
    {
        public bool IsTrailersOnly => Response.Headers.Contains("grpc-status");
    }

    public static HttpRequestMessage Request(int port, string path, HttpContent? content, string type = "application/grpc")
    {
        content?.Headers.TryAddWithoutValidation("content-type", type);
        return new HttpRequestMessage(HttpMethod.Post, new Uri($"http://127.0.0.1:{port}{path}"))
        {
            Version = HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
            Content = content,
        };
    }

    public static Task<Answer> SendAsync(int port, string path, byte[] body, string type = "application/grpc") =>
        SendAsync(Request(port, path, new ByteArrayContent(body), type));

    public static async Task<Answer> SendAsync(HttpRequestMessage request)
    {
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        HttpResponseMessage response = await Http.SendAsync(request, patience.Token);
        byte[] body = await response.Content.ReadAsByteArrayAsync(patience.Token);
        string? Find(string name) =>
            response.Headers.TryGetValues(name, out IEnumerable<string>? early) ? early.Single()
            : response.TrailingHeaders.TryGetValues(name, out IEnumerable<string>? late) ? late.Single() : null;
        return new Answer((int)response.StatusCode, Find("grpc-status"), Find("grpc-message"), response, body);
    }
}
