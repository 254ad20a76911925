using Microsoft.AspNetCore.Http;

namespace NoriKV.Transport.Http;

/// <summary>GET /: the live page, one self-contained file that draws what the other routes answer.</summary>
internal static class LivePage
{
    private static readonly byte[] Page = Load();

    public static Task ServeAsync(HttpContext http)
    {
        IHeaderDictionary headers = http.Response.Headers;

        // The page loads nothing from elsewhere and may not be made to.
        headers.ContentSecurityPolicy =
            "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'; "
            + "img-src data:; frame-ancestors 'none'; base-uri 'none'";
        headers.CacheControl = "no-cache";
        return HttpAnswers.WriteBytesAsync(http, 200, "text/html; charset=utf-8", Page);
    }

    private static byte[] Load()
    {
        using Stream stream = typeof(LivePage).Assembly.GetManifestResourceStream("live.html")
            ?? throw new InvalidOperationException("live.html is not embedded");
        using var bytes = new MemoryStream();
        stream.CopyTo(bytes);
        return bytes.ToArray();
    }
}
