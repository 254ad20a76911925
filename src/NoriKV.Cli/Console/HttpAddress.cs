namespace NoriKV.Cli.Console;

/// <summary>The HTTP address of a node as people write it.</summary>
internal static class HttpAddress
{
    /// <summary>The option --http, else NORIKV_HTTP, else localhost:8080.</summary>
    public static Uri Read(CliHost host, string? given)
    {
        string text = given ?? host.Environment("NORIKV_HTTP") ?? "localhost:8080";
        if (!text.Contains("://", StringComparison.Ordinal)) text = "http://" + text;
        return Uri.TryCreate(text, UriKind.Absolute, out Uri? uri) && uri.Scheme is "http" or "https"
            ? uri
            : throw new UsageException($"--http {given} is no address: host:port or https://host:port");
    }
}
