using System.Net;
using System.Net.Http.Headers;
using System.Net.WebSockets;
using System.Text;
using System.Text.Json;
using NoriKV.Node;
using NoriKV.Types;

namespace NoriKV.Server.Tests;

/// <summary>The table "HTTP façade" of docs/wire.md, row by row, over real sockets.</summary>
public sealed class HttpTableTests
{
    [Fact]
    public async Task Put_answers_the_version_as_json_and_as_etag()
    {
        await using TestServer server = await TestServer.StartAsync();
        HttpResponseMessage put = await server.Http.PutAsync("/kv/a", new StringContent("value"));
        Assert.Equal(HttpStatusCode.OK, put.StatusCode);
        JsonElement version = (await JsonAsync(put)).GetProperty("version");
        (ulong term, ulong index) = (version.GetProperty("term").GetUInt64(), version.GetProperty("index").GetUInt64());
        Assert.True(term >= 1 && index >= 1);
        Assert.Equal($"\"{term}.{index}\"", put.Headers.ETag!.Tag);
    }

    [Fact]
    public async Task Get_answers_the_raw_bytes_with_the_same_etag()
    {
        await using TestServer server = await TestServer.StartAsync();
        byte[] value = [0, 1, 2, 0xFF, (byte)'\n'];
        HttpResponseMessage put = await server.Http.PutAsync("/kv/a", new ByteArrayContent(value));
        HttpResponseMessage get = await server.Http.GetAsync("/kv/a?consistency=linearizable");
        Assert.Equal(value, await get.Content.ReadAsByteArrayAsync());
        Assert.Equal(put.Headers.ETag, get.Headers.ETag);
        Assert.Equal("application/octet-stream", get.Content.Headers.ContentType!.MediaType);
        Assert.Equal("linearizable", get.Headers.GetValues("X-Consistency").Single());
    }

    [Fact]
    public async Task Get_of_a_missing_key_is_404_and_of_an_empty_value_is_200()
    {
        await using TestServer server = await TestServer.StartAsync();
        HttpResponseMessage missing = await server.Http.GetAsync("/kv/missing");
        Assert.Equal(HttpStatusCode.NotFound, missing.StatusCode);
        Assert.Equal("NOT_FOUND", (await JsonAsync(missing)).GetProperty("code").GetString());
        await server.Http.PutAsync("/kv/empty", new ByteArrayContent([]));
        HttpResponseMessage empty = await server.Http.GetAsync("/kv/empty");
        Assert.Equal((HttpStatusCode.OK, 0L), (empty.StatusCode, empty.Content.Headers.ContentLength));
    }

    [Fact]
    public async Task Get_as_json_has_key_value_and_version_with_base64()
    {
        await using TestServer server = await TestServer.StartAsync();
        await server.Http.PutAsync("/kv/a", new ByteArrayContent([0, 255]));
        using var request = new HttpRequestMessage(HttpMethod.Get, "/kv/a");
        request.Headers.Accept.Add(new MediaTypeWithQualityHeaderValue("application/json"));
        JsonElement json = await JsonAsync(await server.Http.SendAsync(request));
        Assert.Equal([0, 255], json.GetProperty("value").GetBytesFromBase64());
        Assert.Equal("a"u8.ToArray(), json.GetProperty("key").GetBytesFromBase64());
        Assert.True(json.GetProperty("version").GetProperty("index").GetUInt64() >= 1);
        Assert.Equal("linearizable", json.GetProperty("meta").GetProperty("consistency").GetString());
    }

    [Fact]
    public async Task Head_and_a_conditional_get_carry_no_body()
    {
        await using TestServer server = await TestServer.StartAsync();
        HttpResponseMessage put = await server.Http.PutAsync("/kv/a", new StringContent("value"));
        HttpResponseMessage head = await server.Http.SendAsync(new HttpRequestMessage(HttpMethod.Head, "/kv/a"));
        Assert.Equal((HttpStatusCode.OK, 5L), (head.StatusCode, head.Content.Headers.ContentLength));
        using var conditional = new HttpRequestMessage(HttpMethod.Get, "/kv/a");
        conditional.Headers.IfNoneMatch.Add(put.Headers.ETag!);
        Assert.Equal(HttpStatusCode.NotModified, (await server.Http.SendAsync(conditional)).StatusCode);
    }

    [Fact]
    public async Task If_match_is_compare_and_set_on_put_and_delete()
    {
        await using TestServer server = await TestServer.StartAsync();
        HttpResponseMessage first = await server.Http.PutAsync("/kv/a", new StringContent("1"));
        HttpResponseMessage second = await PutAsync(server, "/kv/a", "2", ifMatch: first.Headers.ETag!.Tag);
        Assert.Equal(HttpStatusCode.OK, second.StatusCode);
        HttpResponseMessage stale = await PutAsync(server, "/kv/a", "3", ifMatch: first.Headers.ETag!.Tag);
        Assert.Equal(HttpStatusCode.PreconditionFailed, stale.StatusCode);
        JsonElement error = await JsonAsync(stale);
        Assert.Equal("VERSION_MISMATCH", error.GetProperty("code").GetString());
        Assert.Contains("Version mismatch", error.GetProperty("message").GetString(), StringComparison.Ordinal);
        Assert.Equal("2", await server.Http.GetStringAsync("/kv/a"));
        using var delete = new HttpRequestMessage(HttpMethod.Delete, "/kv/a");
        delete.Headers.TryAddWithoutValidation("If-Match", first.Headers.ETag!.Tag);
        Assert.Equal(HttpStatusCode.PreconditionFailed, (await server.Http.SendAsync(delete)).StatusCode);
    }

    [Fact]
    public async Task If_none_match_star_creates_only()
    {
        await using TestServer server = await TestServer.StartAsync();
        Assert.Equal(HttpStatusCode.OK, (await PutAsync(server, "/kv/a", "1", ifNoneMatch: "*")).StatusCode);
        HttpResponseMessage again = await PutAsync(server, "/kv/a", "2", ifNoneMatch: "*");
        Assert.Equal(HttpStatusCode.PreconditionFailed, again.StatusCode);
        Assert.Equal("ALREADY_EXISTS", (await JsonAsync(again)).GetProperty("code").GetString());
    }

    [Fact]
    public async Task An_idempotency_key_returns_the_first_answer_again()
    {
        await using TestServer server = await TestServer.StartAsync();
        HttpResponseMessage first = await PutAsync(server, "/kv/a", "1", idempotencyKey: "x1");
        await PutAsync(server, "/kv/a", "2");
        HttpResponseMessage repeat = await PutAsync(server, "/kv/a", "1", idempotencyKey: "x1");
        Assert.Equal(first.Headers.ETag, repeat.Headers.ETag);
        Assert.Equal("2", await server.Http.GetStringAsync("/kv/a"));
    }

    [Fact]
    public async Task A_key_with_ttl_ms_is_gone_after_its_time()
    {
        await using TestServer server = await TestServer.StartAsync();
        await PutAsync(server, "/kv/a?ttl_ms=150", "1");
        await PutAsync(server, "/kv/b?ttl_ms=3600000", "2");
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        while ((await server.Http.GetAsync("/kv/a", limit.Token)).StatusCode != HttpStatusCode.NotFound) await Task.Delay(20, limit.Token);
        Assert.Equal("2", await server.Http.GetStringAsync("/kv/b"));
    }

    [Fact]
    public async Task Delete_is_200_and_says_whether_there_was_something()
    {
        await using TestServer server = await TestServer.StartAsync();
        await PutAsync(server, "/kv/a", "1");
        HttpResponseMessage first = await server.Http.DeleteAsync("/kv/a");
        HttpResponseMessage second = await server.Http.DeleteAsync("/kv/a");
        Assert.Equal((HttpStatusCode.OK, HttpStatusCode.OK), (first.StatusCode, second.StatusCode));
        Assert.True((await JsonAsync(first)).GetProperty("tombstoned").GetBoolean());
        Assert.False((await JsonAsync(second)).GetProperty("tombstoned").GetBoolean());
    }

    [Theory]
    [InlineData("AA==", new byte[] { 0 })]
    [InlineData("Lg", new byte[] { (byte)'.' })]
    [InlineData("Li4", new byte[] { (byte)'.', (byte)'.' })]
    [InlineData("YQD_", new byte[] { (byte)'a', 0, 0xFF })]
    public async Task Key_b64_carries_keys_that_a_path_cannot(string encoded, byte[] key)
    {
        await using TestServer server = await TestServer.StartAsync();
        foreach (string path in new[] { "/kv", "/kv/" })
        {
            Assert.Equal(HttpStatusCode.OK, (await PutAsync(server, $"{path}?key_b64={encoded}", "v")).StatusCode);
            Assert.Equal("v", await server.Http.GetStringAsync($"{path}?key_b64={encoded}"));
            var got = await server.Rpc.UnaryAsync(
                Wire.Get, new Proto.V1.GetRequest { Key = Google.Protobuf.ByteString.CopyFrom(key) });
            Assert.Equal("v", got.Value.ToStringUtf8());
            Assert.Equal(HttpStatusCode.OK, (await server.Http.DeleteAsync($"{path}?key_b64={encoded}")).StatusCode);
        }
    }

    [Theory]
    [InlineData("a%2Fb", "a/b")]
    [InlineData("a%252Fb", "a%2Fb")]
    [InlineData("a/b", "a/b")]
    [InlineData("a//b/", "a//b/")]
    [InlineData("../x", "../x")]
    [InlineData("./x", "./x")]
    [InlineData("%2E%2E", "..")]
    [InlineData("a+b", "a+b")]
    [InlineData("a%20b", "a b")]
    [InlineData("%E2%82%AC", "\u00e2\u0082\u00ac")]
    [InlineData("%FF%FE", "\u00ff\u00fe")]
    public async Task The_key_is_what_stands_behind_kv_with_each_escape_one_byte(string path, string key)
    {
        await using TestServer server = await TestServer.StartAsync();
        string answer = await server.RawHttpAsync(
            $"PUT /kv/{path} HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nConnection: close\r\n\r\nv");
        Assert.StartsWith("HTTP/1.1 200", answer, StringComparison.Ordinal);
        var got = await server.Rpc.UnaryAsync(Wire.Get, new Proto.V1.GetRequest
        {
            Key = Google.Protobuf.ByteString.CopyFrom(Encoding.Latin1.GetBytes(key)),
        });
        Assert.Equal("v", got.Value.ToStringUtf8());
        string read = await server.RawHttpAsync($"GET /kv/{path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        Assert.EndsWith("\r\n\r\nv", read, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("a%2Fb", "a%252Fb")]
    public async Task Differently_escaped_keys_are_different(string one, string other)
    {
        await using TestServer server = await TestServer.StartAsync();
        await server.RawHttpAsync(
            $"PUT /kv/{one} HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nConnection: close\r\n\r\n1");
        string read = await server.RawHttpAsync($"GET /kv/{other} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        Assert.StartsWith("HTTP/1.1 404", read, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_page_of_a_prefix_has_its_pairs_in_order_and_a_token_for_the_next()
    {
        await using TestServer server = await TestServer.StartAsync();
        for (int i = 0; i < 25; i++) await PutAsync(server, $"/kv/p%2F{i:d2}", $"{i}");
        await PutAsync(server, "/kv/q", "not this");
        var keys = new List<string>();
        string token = "";
        int pages = 0;
        do
        {
            JsonElement page = await GetJsonAsync(server, $"/kv?prefix=p/&limit=10{token}");
            foreach (JsonElement pair in page.GetProperty("pairs").EnumerateArray())
            {
                keys.Add(Encoding.UTF8.GetString(pair.GetProperty("key").GetBytesFromBase64()));
                byte[] value = pair.GetProperty("value").GetBytesFromBase64();
                Assert.Equal($"{keys.Count - 1}", Encoding.UTF8.GetString(value));
            }

            bool more = page.TryGetProperty("next_page_token", out JsonElement next);
            token = more ? $"&page_token={next.GetString()}" : "";
            pages++;
        }
        while (token.Length > 0 && pages < 10);
        Assert.Equal(Enumerable.Range(0, 25).Select(static i => $"p/{i:d2}"), keys);
        Assert.Equal(3, pages);
    }

    [Fact]
    public async Task A_page_of_a_range_takes_start_and_leaves_out_end()
    {
        await using TestServer server = await TestServer.StartAsync();
        foreach (string key in new[] { "a", "b", "c", "d" }) await PutAsync(server, $"/kv/{key}", key);
        Assert.Equal(["b", "c"], await KeysAsync(server, "/kv?start=b&end=d"));
        Assert.Equal(["c", "b"], await KeysAsync(server, "/kv?start=b&end=d&reverse=true"));
        Assert.Equal(["a", "b", "c", "d"], await KeysAsync(server, "/kv"));
        JsonElement keysOnly = await GetJsonAsync(server, "/kv?keys_only=true&limit=1");
        Assert.False(keysOnly.GetProperty("pairs")[0].TryGetProperty("value", out _));
        JsonElement count = await GetJsonAsync(server, "/kv?count_only=true");
        Assert.Equal((4, 0), (count.GetProperty("count").GetInt32(), count.GetProperty("pairs").GetArrayLength()));
    }

    public static TheoryData<KvCode, int, string> Errors => new()
    {
        { KvCode.InvalidArgument, 400, "INVALID_ARGUMENT" },
        { KvCode.VersionMismatch, 412, "VERSION_MISMATCH" },
        { KvCode.AlreadyExists, 412, "ALREADY_EXISTS" },
        { KvCode.Overloaded, 429, "OVERLOADED" },
        { KvCode.NotLeader, 503, "NOT_LEADER" },
        { KvCode.QuorumUnavailable, 503, "QUORUM_UNAVAILABLE" },
        { KvCode.Unavailable, 503, "UNAVAILABLE" },
        { KvCode.CommitTimeout, 504, "COMMIT_TIMEOUT" },
        { KvCode.DeadlineExceeded, 504, "DEADLINE_EXCEEDED" },
        { KvCode.PermissionDenied, 403, "PERMISSION_DENIED" },
        { KvCode.DataLoss, 500, "DATA_LOSS" },
    };

    [Theory]
    [MemberData(nameof(Errors))]
    public async Task Every_error_has_its_status_and_a_json_body(KvCode code, int status, string word)
    {
        var node = new FakeNode { Outcome = new KvError(code, "why \"it\" failed") };
        await using TestServer server = await TestServer.StartFakeAsync(node);
        foreach (HttpResponseMessage answer in new[]
        {
            await server.Http.PutAsync("/kv/a", new StringContent("v")),
            await server.Http.GetAsync("/kv/a"),
            await server.Http.DeleteAsync("/kv/a"),
            await server.Http.GetAsync("/kv?prefix=a"),
        })
        {
            Assert.Equal(status, (int)answer.StatusCode);
            JsonElement json = await JsonAsync(answer);
            Assert.Equal(word, json.GetProperty("code").GetString());
            Assert.Equal("why \"it\" failed", json.GetProperty("message").GetString());
            Assert.Equal(code == KvCode.Overloaded, answer.Headers.RetryAfter is not null);
        }
    }

    [Fact]
    public async Task Not_leader_names_the_leader_and_overload_says_when()
    {
        var node = new FakeNode { Outcome = new KvError(KvCode.NotLeader, "NOT_LEADER") { LeaderHint = "n2:7447" } };
        await using TestServer server = await TestServer.StartFakeAsync(node);
        HttpResponseMessage answer = await server.Http.GetAsync("/kv/a");
        Assert.Equal("n2:7447", answer.Headers.GetValues("X-Leader-Hint").Single());
        node.Outcome = new KvError(KvCode.Overloaded, "full") { RetryAfter = TimeSpan.FromMilliseconds(1500) };
        answer = await server.Http.GetAsync("/kv/a");
        Assert.Equal(2.0, answer.Headers.RetryAfter!.Delta!.Value.TotalSeconds);
    }

    [Fact]
    public async Task Too_long_a_key_is_400_and_too_large_a_value_413()
    {
        await using TestServer server = await TestServer.StartAsync();
        HttpResponseMessage key = await server.Http.PutAsync("/kv/" + new string('k', 1025), new StringContent("v"));
        Assert.Equal(HttpStatusCode.BadRequest, key.StatusCode);
        string why = await key.Content.ReadAsStringAsync();
        Assert.Contains("Key size 1025 exceeds limit 1024", why, StringComparison.Ordinal);
        HttpResponseMessage longest =
            await server.Http.PutAsync("/kv/" + new string('k', 1024), new StringContent("v"));
        Assert.Equal(HttpStatusCode.OK, longest.StatusCode);
        HttpResponseMessage most = await server.Http.PutAsync("/kv/v", new ByteArrayContent(new byte[1 << 20]));
        Assert.Equal(HttpStatusCode.OK, most.StatusCode);
        Assert.Equal(1 << 20, (await server.Http.GetByteArrayAsync("/kv/v")).Length);
        string large = await server.RawHttpAsync(
            $"PUT /kv/v HTTP/1.1\r\nHost: x\r\nContent-Length: {(1 << 20) + 1}\r\n\r\n");
        Assert.StartsWith("HTTP/1.1 413", large, StringComparison.Ordinal);
        Assert.Contains("Value size 1048577 exceeds limit 1048576", large, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Other_methods_are_405_and_other_paths_404()
    {
        await using TestServer server = await TestServer.StartFakeAsync();
        HttpResponseMessage post = await server.Http.PostAsync("/kv/a", new StringContent("v"));
        Assert.Equal(HttpStatusCode.MethodNotAllowed, post.StatusCode);
        Assert.Contains("PUT", post.Content.Headers.Allow);
        Assert.Equal(HttpStatusCode.MethodNotAllowed, (await server.Http.DeleteAsync("/kv")).StatusCode);
        Assert.Equal(HttpStatusCode.MethodNotAllowed, (await server.Http.PostAsync("/health", null)).StatusCode);
        Assert.Equal(HttpStatusCode.NotFound, (await server.Http.GetAsync("/nothing")).StatusCode);
    }

    [Fact]
    public async Task Health_has_every_field_and_is_200_soon_after_the_start()
    {
        await using TestServer server = await TestServer.StartAsync();
        HttpResponseMessage answer = await server.Http.GetAsync("/health");
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        JsonElement health = await JsonAsync(answer);
        Assert.Equal(("healthy", "n1"), (
            health.GetProperty("status").GetString(), health.GetProperty("node_id").GetString()));
        Assert.True(health.GetProperty("uptime_seconds").GetInt64() >= 0);
        Assert.Equal((16, 16, 16, 0), (
            health.GetProperty("total_shards").GetInt32(), health.GetProperty("active_shards").GetInt32(),
            health.GetProperty("leader_shards").GetInt32(), health.GetProperty("follower_shards").GetInt32()));
        JsonElement shard = health.GetProperty("shards")[3];
        Assert.Equal((3, "healthy", true), (
            shard.GetProperty("id").GetInt32(), shard.GetProperty("status").GetString(),
            shard.GetProperty("is_leader").GetBoolean()));
        Assert.True(shard.GetProperty("raft_term").GetUInt64() >= 1);
        Assert.True(shard.GetProperty("commit_index").GetUInt64() >= shard.GetProperty("last_applied").GetUInt64());
    }

    [Theory]
    [InlineData(HealthStatus.Healthy, 200, "healthy", "OK")]
    [InlineData(HealthStatus.Degraded, 200, "degraded", "OK")]
    [InlineData(HealthStatus.Unhealthy, 503, "unhealthy", "UNAVAILABLE")]
    public async Task Health_is_503_only_when_unhealthy_with_the_same_body(
        HealthStatus status, int code, string word, string quick)
    {
        await using TestServer server = await TestServer.StartFakeAsync(new FakeNode { Status = status });
        HttpResponseMessage full = await server.Http.GetAsync("/health");
        Assert.Equal(code, (int)full.StatusCode);
        Assert.Equal(word, (await JsonAsync(full)).GetProperty("status").GetString());
        foreach (string path in new[] { "/health/quick", "/healthz" })
        {
            HttpResponseMessage answer = await server.Http.GetAsync(path);
            Assert.Equal((code, quick), ((int)answer.StatusCode, await answer.Content.ReadAsStringAsync()));
        }
    }

    [Fact]
    public async Task Readyz_says_why_not()
    {
        var node = new FakeNode();
        await using TestServer server = await TestServer.StartFakeAsync(node);
        Assert.Equal(HttpStatusCode.OK, (await server.Http.GetAsync("/readyz")).StatusCode);
        node.NotReadyReason = "the log cannot be synced: EIO";
        HttpResponseMessage answer = await server.Http.GetAsync("/readyz");
        Assert.Equal(HttpStatusCode.ServiceUnavailable, answer.StatusCode);
        Assert.Equal("the log cannot be synced: EIO", await answer.Content.ReadAsStringAsync());
    }

    [Fact]
    public async Task Metrics_count_and_time_what_both_ports_did()
    {
        await using TestServer server = await TestServer.StartAsync();
        await server.PutAsync("a", "1");
        await server.Http.GetAsync("/kv/a");
        await server.Http.GetAsync("/kv/missing");
        HttpResponseMessage answer = await server.Http.GetAsync("/metrics");
        string text = await answer.Content.ReadAsStringAsync();
        Assert.Equal("text/plain", answer.Content.Headers.ContentType!.MediaType);
        string[] lines = text.Split('\n');
        Assert.Contains("norikv_kv_requests_total{operation=\"put\",status=\"ok\"} 1", lines);
        Assert.Contains("norikv_kv_requests_total{operation=\"get\",status=\"ok\"} 2", lines);
        Assert.Contains(
            "norikv_kv_request_duration_seconds_count{operation=\"get\",result=\"missing\",status=\"ok\"} 1\n",
            text, StringComparison.Ordinal);
        Assert.Contains("process_resident_memory_bytes", text, StringComparison.Ordinal);
        using var open = new HttpRequestMessage(HttpMethod.Get, "/metrics");
        open.Headers.TryAddWithoutValidation("Accept", "application/openmetrics-text; version=1.0.0");
        string openMetrics = await (await server.Http.SendAsync(open)).Content.ReadAsStringAsync();
        Assert.EndsWith("# EOF\n", openMetrics, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Metrics_tell_of_both_ports_the_disk_and_the_build()
    {
        await using TestServer server = await TestServer.StartAsync();
        Assert.True((await server.Http.PutAsync("/kv/a", new ByteArrayContent(new byte[50_000]))).IsSuccessStatusCode);
        await server.Http.GetByteArrayAsync("/kv/a");
        await server.Rpc.UnaryAsync(
            Wire.Put, new NoriKV.Proto.V1.PutRequest { Key = Wire.Bytes("b"), Value = Wire.Bytes(new string('y', 20_000)) });
        Dictionary<string, double> figures = (await server.Http.GetStringAsync("/metrics")).Split('\n')
            .Where(static l => l.Length > 0 && l[0] != '#')
            .ToDictionary(
                static l => l[..l.LastIndexOf(' ')],
                static l => double.Parse(l[(l.LastIndexOf(' ') + 1)..], System.Globalization.CultureInfo.InvariantCulture));
        Assert.InRange(figures["norikv_http_connections"], 1, 16);
        Assert.InRange(figures["norikv_http_received_bytes_total"], 50_000, 60_000);
        Assert.InRange(figures["norikv_http_sent_bytes_total"], 50_000, 60_000);
        Assert.InRange(figures["norikv_grpc_connections"], 1, 16);
        Assert.InRange(figures["norikv_grpc_received_bytes_total"], 20_000, 30_000);
        Assert.InRange(figures["norikv_grpc_sent_bytes_total"], 30, 5_000);
        Assert.True(figures["norikv_wal_disk_bytes"] > 0);
        Assert.Equal(1, figures.Single(static f => f.Key.StartsWith("norikv_build_info{cluster_id=", StringComparison.Ordinal)).Value);
        Assert.Equal(server.Server.Options.BlockCacheBytes, figures["norikv_lsm_block_cache_capacity_bytes"]);
        // What is not known is left out: no certificate, and nobody whose clock could be compared.
        Assert.DoesNotContain("norikv_tls_certificate_expiry_timestamp_seconds", figures.Keys);
        Assert.DoesNotContain("norikv_node_clock_lead_seconds", figures.Keys);
    }

    [Fact]
    public async Task Meta_cluster_is_the_view_under_the_protos_names()
    {
        await using TestServer server = await TestServer.StartAsync();
        JsonElement view = await GetJsonAsync(server, "/meta/cluster");
        Assert.True(view.GetProperty("epoch").GetUInt64() >= 1);
        JsonElement node = Assert.Single(view.GetProperty("nodes").EnumerateArray());
        Assert.Equal(
            ("n1", server.Server.RpcEndPoint.ToString(), "leader"),
            (node.GetProperty("id").GetString(), node.GetProperty("addr").GetString(),
                node.GetProperty("role").GetString()));
        Assert.Equal(16, view.GetProperty("shards").GetArrayLength());
        JsonElement replica = view.GetProperty("shards")[5].GetProperty("replicas")[0];
        Assert.Equal(
            ("n1", true), (replica.GetProperty("node_id").GetString(), replica.GetProperty("leader").GetBoolean()));
        Assert.Equal(5, view.GetProperty("shards")[5].GetProperty("id").GetInt32());
    }

    [Fact]
    public async Task Events_are_for_pages_of_this_server_and_programs()
    {
        await using TestServer server = await TestServer.StartFakeAsync();
        var events = new Uri($"ws://{server.Server.HttpEndPoint}/events");
        using var foreign = new ClientWebSocket();
        foreign.Options.SetRequestHeader("Origin", "http://elsewhere.example");
        WebSocketException refused =
            await Assert.ThrowsAsync<WebSocketException>(() => foreign.ConnectAsync(events, CancellationToken.None));
        Assert.Contains("403", refused.Message, StringComparison.Ordinal);
        using var own = new ClientWebSocket();
        own.Options.SetRequestHeader("Origin", $"http://{server.Server.HttpEndPoint}");
        await own.ConnectAsync(events, CancellationToken.None);
        Assert.Equal(WebSocketState.Open, own.State);
    }

    // A name of another's that resolves to this machine: the browser's requests come from here, and name the page's host.
    [Theory]
    [InlineData("rebound.example:8080", false)]
    [InlineData("localhost:8080", true)]
    [InlineData("127.0.0.1:8080", true)]
    [InlineData("[::1]:8080", true)]
    [InlineData("mybox", true)]
    public async Task From_this_machine_is_trusted_under_a_name_of_this_machine_only(string host, bool isTrusted)
    {
        await using TestServer server = await TestServer.StartAsync();
        using var change = new HttpRequestMessage(HttpMethod.Put, "/log?component=raft&level=info");
        change.Headers.Host = host;
        HttpResponseMessage answer = await server.Http.SendAsync(change);
        Assert.Equal(isTrusted ? HttpStatusCode.OK : HttpStatusCode.Forbidden, answer.StatusCode);
    }

    [Fact]
    public async Task Events_of_the_meta_group_say_so_beside_its_number()
    {
        await using TestServer server = await TestServer.StartAsync();
        long before = server.Server.Events.Emitted;
        for (uint shard = 15; shard <= 16; shard++) server.Server.Events.Emit(new SteppedDown(new ShardId(shard), new Term(9)));
        using ClientWebSocket events = await ConnectAsync(server, $"?kind=StepDown&since={before}&epoch={server.Server.Events.Epoch}");
        JsonElement last = await NextAsync(events), meta = await NextAsync(events);
        Assert.Equal((15, false), (last.GetProperty("shard").GetInt32(), last.TryGetProperty("group", out _)));
        Assert.Equal((16, "meta"), (meta.GetProperty("shard").GetInt32(), meta.GetProperty("group").GetString()));
    }

    [Fact]
    public async Task Events_come_over_a_websocket_filtered_and_resumed()
    {
        await using TestServer server = await TestServer.StartFakeAsync();
        HttpResponseMessage plain = await server.Http.GetAsync("/events");
        Assert.Equal(HttpStatusCode.UpgradeRequired, plain.StatusCode);
        for (int i = 1; i <= 3; i++) server.Server.Events.Emit(new Probe(i));
        using ClientWebSocket resumed = await ConnectAsync(server, $"?since=1&epoch={server.Server.Events.Epoch}");
        Assert.Equal(2, (await NextAsync(resumed)).GetProperty("n").GetInt32());
        JsonElement third = await NextAsync(resumed);
        Assert.Equal(
            (3, "Wal", "SegmentRoll", "fake"),
            (third.GetProperty("seq").GetInt32(), third.GetProperty("family").GetString(),
                third.GetProperty("kind").GetString(), third.GetProperty("node").GetString()));
        Assert.EndsWith("Z", third.GetProperty("t").GetString(), StringComparison.Ordinal);
        using ClientWebSocket filtered = await ConnectAsync(server, "?since=0&family=lsm,wal&kind=SegmentGc");
        using ClientWebSocket live = await ConnectAsync(server, "");
        server.Server.Events.Emit(new Probe(4));
        Assert.Equal(4, (await NextAsync(live)).GetProperty("n").GetInt32());
        await resumed.CloseAsync(WebSocketCloseStatus.NormalClosure, null, CancellationToken.None);
        Assert.Equal(WebSocketState.Closed, resumed.State);
        Assert.Equal(WebSocketState.Open, filtered.State);
    }

    [Fact]
    public async Task A_position_of_an_earlier_process_is_answered_with_a_gap_and_all_that_is_remembered()
    {
        await using TestServer server = await TestServer.StartFakeAsync();
        for (int i = 1; i <= 3; i++) server.Server.Events.Emit(new Probe(i));
        long epoch = server.Server.Events.Epoch;
        // As many events as that one had seen, and more than there are: neither is a place among these.
        foreach (string of in new[] { $"since=2&epoch={epoch - 1}", $"since=17&epoch={epoch}" })
        {
            using ClientWebSocket resumed = await ConnectAsync(server, "?family=wal&" + of);
            JsonElement gap = await NextAsync(resumed);
            Assert.Equal(("Feed", "Restarted", 0, epoch), (
                gap.GetProperty("family").GetString(), gap.GetProperty("kind").GetString(), gap.GetProperty("seq").GetInt32(),
                gap.GetProperty("epoch").GetInt64()));
            Assert.Equal(of, $"since={gap.GetProperty("since")}&epoch={gap.GetProperty("since_epoch")}");
            for (int i = 1; i <= 3; i++) Assert.Equal(i, (await NextAsync(resumed)).GetProperty("n").GetInt32());
        }

        HttpResponseMessage alone = await server.Http.GetAsync("/events?since=2");
        Assert.Equal(HttpStatusCode.BadRequest, alone.StatusCode);
        Assert.Contains("epoch", await alone.Content.ReadAsStringAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Who_asks_is_told_where_the_feed_begins()
    {
        await using TestServer server = await TestServer.StartFakeAsync();
        for (int i = 1; i <= 3; i++) server.Server.Events.Emit(new Probe(i));
        using ClientWebSocket live = await ConnectAsync(server, "?hello=1&family=swim");
        JsonElement began = await NextAsync(live);
        Assert.Equal(("Began", 3, server.Server.Events.Epoch, "fake"), (
            began.GetProperty("kind").GetString(), began.GetProperty("seq").GetInt32(), began.GetProperty("epoch").GetInt64(),
            began.GetProperty("node").GetString()));
        server.Server.Events.Emit(new Probe(4));
        using ClientWebSocket resumed = await ConnectAsync(server, $"?since={began.GetProperty("seq")}&epoch={began.GetProperty("epoch")}");
        Assert.Equal(4, (await NextAsync(resumed)).GetProperty("n").GetInt32());
    }

    [Fact]
    public async Task A_client_that_lags_behind_the_ring_is_told_how_much_it_missed()
    {
        await using TestServer server =
            await TestServer.StartFakeAsync(parts: static p => p with { EventsRemembered = 8 });
        for (int i = 1; i <= 20; i++) server.Server.Events.Emit(new Probe(i));
        using ClientWebSocket late = await ConnectAsync(server, $"?since=2&epoch={server.Server.Events.Epoch}");
        JsonElement gap = await NextAsync(late);
        Assert.Equal(("Dropped", 10, 12), (
            gap.GetProperty("kind").GetString(), gap.GetProperty("dropped").GetInt32(),
            gap.GetProperty("seq").GetInt32()));
        Assert.Equal(13, (await NextAsync(late)).GetProperty("n").GetInt32());
    }

    [Fact]
    public async Task A_websocket_is_closed_when_the_server_stops()
    {
        await using TestServer server = await TestServer.StartFakeAsync();
        using ClientWebSocket live = await ConnectAsync(server, "");
        Task stopping = server.Server.StopAsync();
        ValueWebSocketReceiveResult end = await live.ReceiveAsync(new byte[10].AsMemory(), CancellationToken.None);
        Assert.Equal(WebSocketMessageType.Close, end.MessageType);
        await live.CloseOutputAsync(WebSocketCloseStatus.NormalClosure, null, CancellationToken.None);
        await stopping.WaitAsync(TimeSpan.FromSeconds(60));
    }

    [Fact]
    public async Task A_websocket_that_never_says_goodbye_does_not_hold_up_the_end()
    {
        await using TestServer server = await TestServer.StartFakeAsync();
        using ClientWebSocket silent = await ConnectAsync(server, "");
        await server.Server.StopAsync().WaitAsync(TimeSpan.FromSeconds(60));
    }

    [Fact]
    public async Task The_root_is_a_page_that_needs_no_internet()
    {
        await using TestServer server = await TestServer.StartFakeAsync();
        HttpResponseMessage page = await server.Http.GetAsync("/");
        Assert.Equal("text/html", page.Content.Headers.ContentType!.MediaType);
        string policy = page.Headers.GetValues("Content-Security-Policy").Single();
        Assert.Contains("connect-src 'self'", policy, StringComparison.Ordinal);
        Assert.Contains("<title>NoriKV</title>", await page.Content.ReadAsStringAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_bug_is_500_without_its_details_and_is_logged()
    {
        var node = new FakeNode { Fault = new InvalidOperationException("secret path") };
        await using TestServer server = await TestServer.StartFakeAsync(node);
        HttpResponseMessage answer = await server.Http.GetAsync("/kv/a");
        Assert.Equal(HttpStatusCode.InternalServerError, answer.StatusCode);
        Assert.DoesNotContain("secret", await answer.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        await server.Server.StopAsync();
        await WireFramingTests.EventuallyAsync(
            () => server.LogText.ToString().Contains("secret path", StringComparison.Ordinal));
    }

    private static async Task<HttpResponseMessage> PutAsync(
        TestServer server, string target, string value,
        string? ifMatch = null, string? ifNoneMatch = null, string? idempotencyKey = null)
    {
        using var request = new HttpRequestMessage(HttpMethod.Put, target) { Content = new StringContent(value) };
        if (ifMatch is not null) request.Headers.TryAddWithoutValidation("If-Match", ifMatch);
        if (ifNoneMatch is not null) request.Headers.TryAddWithoutValidation("If-None-Match", ifNoneMatch);
        if (idempotencyKey is not null) request.Headers.Add("Idempotency-Key", idempotencyKey);
        return await server.Http.SendAsync(request);
    }

    private static async Task<string[]> KeysAsync(TestServer server, string target) =>
        [.. (await GetJsonAsync(server, target)).GetProperty("pairs").EnumerateArray()
            .Select(static p => Encoding.UTF8.GetString(p.GetProperty("key").GetBytesFromBase64()))];

    private static async Task<JsonElement> GetJsonAsync(TestServer server, string target)
    {
        HttpResponseMessage answer = await server.Http.GetAsync(target);
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        return await JsonAsync(answer);
    }

    private static async Task<JsonElement> JsonAsync(HttpResponseMessage answer)
    {
        Assert.Equal("application/json", answer.Content.Headers.ContentType!.MediaType);
        return JsonDocument.Parse(await answer.Content.ReadAsByteArrayAsync()).RootElement;
    }

    private static async Task<ClientWebSocket> ConnectAsync(TestServer server, string query)
    {
        var socket = new ClientWebSocket();
        await socket.ConnectAsync(new Uri($"ws://{server.Server.HttpEndPoint}/events{query}"), CancellationToken.None);
        return socket;
    }

    private static async Task<JsonElement> NextAsync(ClientWebSocket socket)
    {
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        byte[] buffer = new byte[4096];
        ValueWebSocketReceiveResult got = await socket.ReceiveAsync(buffer.AsMemory(), patience.Token);
        return JsonDocument.Parse(buffer.AsMemory(0, got.Count)).RootElement;
    }

    private readonly record struct Probe(int Number) : Nori.Observe.IEvent
    {
        public string Family => "Wal";

        public string Kind => "SegmentRoll";

        public void WriteFields(Nori.Observe.IEventFields fields) => fields.Add("n", Number);
    }
}
