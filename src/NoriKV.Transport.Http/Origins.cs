using Microsoft.AspNetCore.Http;

namespace NoriKV.Transport.Http;

/// <summary>
/// Which pages may open a WebSocket: those of this server. A browser sends cookies and certificates whoever wrote the page, and
/// WebSockets know no same origin.
/// </summary>
internal static class Origins
{
    /// <summary>True for a request of a page that comes from elsewhere; what is no browser names no origin.</summary>
    public static bool IsForeign(HttpContext http)
    {
        string? origin = http.Request.Headers.Origin;
        if (string.IsNullOrEmpty(origin)) return false;
        return !Uri.TryCreate(origin, UriKind.Absolute, out Uri? from)
            || !string.Equals(from.Authority, http.Request.Host.Value, StringComparison.OrdinalIgnoreCase);
    }

    /// <summary>Says that it is.</summary>
    public static Task RefuseAsync(HttpContext http) =>
        HttpAnswers.WriteErrorAsync(http, 403, "FORBIDDEN", "this page comes from elsewhere");
}
