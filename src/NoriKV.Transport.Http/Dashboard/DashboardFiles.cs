using System.IO.Compression;
using System.Reflection;
using System.Security.Cryptography;
using Microsoft.AspNetCore.Http;

namespace NoriKV.Transport.Http.Dashboard;

/// <summary>
/// GET / and GET /ui/…: the files of apps/dashboard, embedded as they are. They load nothing from elsewhere, and the browser is
/// told to see to that.
/// </summary>
internal sealed class DashboardFiles
{
    // No inline script or style: what is put into the page cannot become code. Trusted Types close innerHTML and the like.
    private const string Policy =
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
        + "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'";

    private const string Prefix = "dashboard/";
    private readonly Dictionary<string, DashboardFile> _files = Load();

    /// <summary>The names of the files, as under /ui/.</summary>
    public IEnumerable<string> Names => _files.Keys;

    /// <summary>Serves a file; 404 where there is none of that name.</summary>
    public Task ServeAsync(HttpContext http, string name)
    {
        if (!_files.TryGetValue(name, out DashboardFile? file))
            return HttpAnswers.WriteErrorAsync(http, 404, "NOT_FOUND", "no such file");
        IHeaderDictionary headers = http.Response.Headers;
        headers.ContentSecurityPolicy = Policy;
        headers.XFrameOptions = "DENY";
        headers["Referrer-Policy"] = "no-referrer";
        headers["Cross-Origin-Opener-Policy"] = "same-origin";

        // Asked for again each time and mostly answered by 304: after an upgrade nothing old is drawn.
        headers.CacheControl = "no-cache";
        headers.ETag = file.Tag;
        headers.Vary = "Accept-Encoding";
        if (http.Request.Headers.IfNoneMatch.ToString().Contains(file.Tag, StringComparison.Ordinal))
        {
            http.Response.StatusCode = StatusCodes.Status304NotModified;
            return Task.CompletedTask;
        }

        bool packs = http.Request.Headers.AcceptEncoding.ToString().Contains("gzip", StringComparison.OrdinalIgnoreCase);
        if (packs) headers.ContentEncoding = "gzip";
        return HttpAnswers.WriteBytesAsync(http, 200, file.ContentType, packs ? file.Packed : file.Bytes);
    }

    private static Dictionary<string, DashboardFile> Load()
    {
        Assembly assembly = typeof(DashboardFiles).Assembly;
        var files = new Dictionary<string, DashboardFile>(StringComparer.Ordinal);
        foreach (string resource in assembly.GetManifestResourceNames())
        {
            if (!resource.StartsWith(Prefix, StringComparison.Ordinal)) continue;
            using Stream stream = assembly.GetManifestResourceStream(resource)!;
            using var bytes = new MemoryStream();
            stream.CopyTo(bytes);
            string name = resource[Prefix.Length..].Replace('\\', '/');
            files.Add(name, DashboardFile.Of(name, bytes.ToArray()));
        }

        return files;
    }

    private sealed class DashboardFile(string contentType, string tag, byte[] bytes)
    {
        private readonly Lazy<byte[]> _packed = new(() => Pack(bytes));

        public string ContentType => contentType;

        public string Tag => tag;

        public byte[] Bytes => bytes;

        public byte[] Packed => _packed.Value;

        public static DashboardFile Of(string name, byte[] bytes)
        {
            string type = Path.GetExtension(name) switch
            {
                ".html" => "text/html; charset=utf-8",
                ".css" => "text/css; charset=utf-8",
                ".js" => "text/javascript; charset=utf-8",
                ".svg" => "image/svg+xml",
                _ => "application/octet-stream",
            };
            return new DashboardFile(type, $"\"{Convert.ToHexStringLower(SHA256.HashData(bytes).AsSpan(0, 12))}\"", bytes);
        }

        private static byte[] Pack(byte[] bytes)
        {
            using var packed = new MemoryStream();
            using (var gzip = new GZipStream(packed, CompressionLevel.SmallestSize)) gzip.Write(bytes);
            return packed.ToArray();
        }
    }
}
