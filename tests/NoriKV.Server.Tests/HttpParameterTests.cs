using System.Net;

namespace NoriKV.Server.Tests;

/// <summary>What is asked over HTTP is understood as a whole or refused: no word is passed over.</summary>
public sealed class HttpParameterTests
{
    [Theory]
    [InlineData("PUT", "/kv/")]
    [InlineData("PUT", "/kv/a%zz")]
    [InlineData("PUT", "/kv/a?ttl_ms=x")]
    [InlineData("PUT", "/kv/a?key_b64=YQ")]
    [InlineData("GET", "/kv/?key_b64=!")]
    [InlineData("GET", "/kv/a?consistency=psychic")]
    [InlineData("GET", "/kv?prefix=a&start=b")]
    [InlineData("GET", "/kv?limit=-1")]
    [InlineData("GET", "/kv?page_token=AAAA")]
    public async Task A_wrong_request_is_400_with_the_reason(string method, string target)
    {
        await using TestServer server = await TestServer.StartAsync();
        string answer = await AskAsync(server, method, target);
        Assert.StartsWith("HTTP/1.1 400", answer, StringComparison.Ordinal);
        Assert.Contains("\"code\":\"INVALID_ARGUMENT\",\"message\":\"", answer, StringComparison.Ordinal);
    }

    // A word that is not understood must not be taken for one that was obeyed: a put with it would have no end.
    [Theory]
    [InlineData("PUT", "/kv/a?ttll=5", "unknown parameter 'ttll': known are ttl_ms, timeout_ms, key_b64")]
    [InlineData("PUT", "/kv/a?ttl_ms=5&TTL_MS=5", "unknown parameter 'TTL_MS'")]
    [InlineData("PUT", "/kv/a?consistency=lease", "unknown parameter 'consistency'")]
    [InlineData("GET", "/kv/a?consistensy=lease", "known are consistency, max_staleness_ms, timeout_ms, key_b64")]
    [InlineData("HEAD", "/kv/a?x", "")]
    [InlineData("DELETE", "/kv/a?if_match=1.2", "unknown parameter 'if_match': known are timeout_ms, key_b64")]
    [InlineData("GET", "/kv?prefx=a", "known are prefix, start, end, limit, page_token, reverse, keys_only, count_only, consistency")]
    [InlineData("GET", "/kv?keyb64=AA==", "unknown parameter 'keyb64'")]
    public async Task An_unknown_parameter_is_400_with_the_known_ones_and_nothing_is_done(string method, string target, string words)
    {
        await using TestServer server = await TestServer.StartAsync();
        await server.PutAsync("a", "before");
        string answer = await AskAsync(server, method, target);
        Assert.StartsWith("HTTP/1.1 400", answer, StringComparison.Ordinal);
        Assert.Contains(words, answer.Replace("\\u0027", "'", StringComparison.Ordinal), StringComparison.Ordinal);
        Assert.Equal("before", await server.Http.GetStringAsync("/kv/a"));
    }

    [Theory]
    [InlineData("PUT", "/kv/a?ttl_ms=3600000&timeout_ms=30000")]
    [InlineData("PUT", "/kv?key_b64=YQ&")]
    [InlineData("GET", "/kv/a?consistency=bounded&max_staleness_ms=1000&timeout_ms=30000")]
    [InlineData("GET", "/kv?key_b64=YQ")]
    [InlineData("DELETE", "/kv/a?timeout_ms=30000")]
    [InlineData("DELETE", "/kv?key_b64=YQ")]
    [InlineData("GET", "/kv?prefix=a&limit=1&reverse&keys_only&count_only&consistency=lease&max_staleness_ms=1&timeout_ms=30000")]
    [InlineData("GET", "/kv?start=a&end=b&page_token=")]
    public async Task Every_known_parameter_is_taken(string method, string target)
    {
        await using TestServer server = await TestServer.StartAsync();
        await server.PutAsync("a", "before");
        string answer = await AskAsync(server, method, target);
        Assert.StartsWith("HTTP/1.1 200", answer, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("/events?famly=Raft", "known are family, kind, since, epoch, once, hello")]
    [InlineData("/live?sinse=3", "known are process, since")]
    [InlineData("/slow?threshold_ms=5", "known are since")]
    [InlineData("/doctor?deep=1", "this takes none")]
    [InlineData("/log?level=debug", "this takes none")]
    public async Task A_parameter_that_is_not_known_is_refused_with_those_that_are(string target, string known)
    {
        await using TestServer server = await TestServer.StartAsync();
        HttpResponseMessage answer = await server.Http.GetAsync(target);
        Assert.Equal(HttpStatusCode.BadRequest, answer.StatusCode);
        Assert.Contains(known, await answer.Content.ReadAsStringAsync(), StringComparison.Ordinal);
    }

    private static Task<string> AskAsync(TestServer server, string method, string target) => server.RawHttpAsync(
        $"{method} {target} HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
}
