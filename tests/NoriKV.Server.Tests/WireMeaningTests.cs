using System.Diagnostics;
using Google.Protobuf;
using Nori.Grpc;
using Nori.Grpc.Server.Tests;
using NoriKV.Proto.V1;
using NoriKV.Types;

namespace NoriKV.Server.Tests;

/// <summary>The section "Meaning" of docs/wire.md, sentence by sentence, against a whole server.</summary>
public sealed class WireMeaningTests
{
    [Fact]
    public async Task No_ttl_no_idempotency_key_and_no_if_match_are_plain_puts()
    {
        await using TestServer server = await TestServer.StartAsync();
        PutResponse first = await server.PutAsync("a", "1");
        PutResponse second = await server.PutAsync("a", "1");
        Assert.True(second.Version.Index > first.Version.Index);
        Assert.Equal("1", (await server.GetAsync("a")).Value.ToStringUtf8());
    }

    [Fact]
    public async Task A_present_if_match_is_compare_and_set()
    {
        await using TestServer server = await TestServer.StartAsync();
        PutResponse first = await server.PutAsync("a", "1");
        PutResponse second = await PutIfAsync(server, "a", "2", first.Version);
        GrpcException stale = await Wire.FailsAsync(PutIfAsync(server, "a", "3", first.Version));
        Assert.Equal(GrpcStatusCode.FailedPrecondition, stale.Code);
        Assert.Contains("Version mismatch", stale.Status.Message, StringComparison.Ordinal);
        Assert.Equal(second.Version, (await server.GetAsync("a")).Version);
    }

    [Fact]
    public async Task If_match_on_a_missing_key_is_failed_precondition_even_with_zeros()
    {
        await using TestServer server = await TestServer.StartAsync();
        foreach (ulong number in new ulong[] { 0, 1 })
        {
            var version = new Proto.V1.Version { Term = number, Index = number };
            GrpcException missing = await Wire.FailsAsync(PutIfAsync(server, "missing", "1", version));
            Assert.Equal(GrpcStatusCode.FailedPrecondition, missing.Code);
            Assert.Contains("Version mismatch", missing.Status.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task If_not_exists_on_an_existing_key_is_already_exists()
    {
        await using TestServer server = await TestServer.StartAsync();
        var request = new PutRequest { Key = Wire.Bytes("a"), Value = Wire.Bytes("1"), IfNotExists = true };
        await server.Rpc.UnaryAsync(Wire.Put, request);
        GrpcException exists = await Wire.FailsAsync(server.Rpc.UnaryAsync(Wire.Put, request));
        Assert.Equal(GrpcStatusCode.AlreadyExists, exists.Code);
    }

    [Fact]
    public async Task An_expired_key_is_gone_within_a_hundred_milliseconds_of_its_time()
    {
        await using TestServer server = await TestServer.StartAsync();
        long start = Stopwatch.GetTimestamp();
        await server.Rpc.UnaryAsync(
            Wire.Put, new PutRequest { Key = Wire.Bytes("a"), Value = Wire.Bytes("1"), TtlMs = 200 });
        double acknowledged = Stopwatch.GetElapsedTime(start).TotalMilliseconds;
        double seen = 0, gone;
        while (true)
        {
            double asked = Stopwatch.GetElapsedTime(start).TotalMilliseconds;
            bool found = (await server.GetAsync("a")).Version is not null;
            gone = Stopwatch.GetElapsedTime(start).TotalMilliseconds;
            if (!found) break;
            // When it was asked, not when the answer came: a busy machine may take its time in between.
            seen = asked;
            Assert.True(gone < 60_000);
        }

        // Not before its time, counted from the earliest moment it could have been stamped; and soon behind it.
        Assert.True(gone >= 199, $"gone after {gone} ms");
        Assert.True(seen <= 200 + acknowledged + 100, $"still seen after {seen} ms");
    }

    [Fact]
    public async Task Overwriting_without_ttl_removes_the_ttl()
    {
        await using TestServer server = await TestServer.StartAsync();
        await server.Rpc.UnaryAsync(
            Wire.Put, new PutRequest { Key = Wire.Bytes("a"), Value = Wire.Bytes("1"), TtlMs = 100 });
        await server.PutAsync("a", "2");
        await server.Rpc.UnaryAsync(
            Wire.Put, new PutRequest { Key = Wire.Bytes("later"), Value = Wire.Bytes("1"), TtlMs = 100 });
        while ((await server.GetAsync("later")).Version is not null) await Task.Delay(20, TestContext.Current.CancellationToken);
        Assert.Equal("2", (await server.GetAsync("a")).Value.ToStringUtf8());
    }

    [Theory]
    [InlineData("", "linearizable")]
    [InlineData("linearizable", "linearizable")]
    [InlineData("strong", "linearizable")]
    [InlineData("lease", "lease")]
    [InlineData("stale_ok", "stale_ok")]
    [InlineData("eventual", "stale_ok")]
    [InlineData("bounded", "bounded")]
    [InlineData("bounded_staleness", "bounded")]
    public async Task Every_name_of_a_consistency_is_known(string name, string served)
    {
        await using TestServer server = await TestServer.StartAsync();
        await server.PutAsync("a", "1");
        GetResponse got = await server.GetAsync("a", name);
        Assert.Equal("1", got.Value.ToStringUtf8());
        Assert.Equal("n1", got.Meta["served_by"]);
        Assert.Contains(got.Meta["consistency"], new[] { served, "linearizable" });
    }

    [Theory]
    [InlineData("Linearizable")]
    [InlineData("psychic")]
    public async Task Any_other_consistency_is_invalid(string name)
    {
        await using TestServer server = await TestServer.StartAsync();
        GrpcException error = await Wire.FailsAsync(server.GetAsync("a", name));
        Assert.Equal(GrpcStatusCode.InvalidArgument, error.Code);
        Assert.Contains(name, error.Status.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Put_answers_the_version_that_get_answers_and_versions_of_a_key_rise()
    {
        await using TestServer server = await TestServer.StartAsync();
        var last = KvVersion.None;
        for (int i = 0; i < 20; i++)
        {
            Proto.V1.Version put = (await server.PutAsync("a", $"{i}")).Version;
            Assert.True(put.Term >= 1 && put.Index >= 1);
            Assert.Equal(put, (await server.GetAsync("a")).Version);
            var version = new KvVersion(put.Term, put.Index);
            Assert.True(version.CompareTo(last) > 0);
            last = version;
            if (i % 5 == 4)
            {
                var delete = await server.Rpc.UnaryAsync(Wire.Delete, new DeleteRequest { Key = Wire.Bytes("a") });
                Assert.True(delete.Tombstoned);
            }
        }
    }

    [Fact]
    public async Task A_missing_key_is_ok_with_no_version_and_an_empty_value_is_a_value()
    {
        await using TestServer server = await TestServer.StartAsync();
        GetResponse missing = await server.GetAsync("missing");
        Assert.Null(missing.Version);
        Assert.True(missing.Value.IsEmpty);
        await server.PutAsync("empty", "");
        GetResponse empty = await server.GetAsync("empty");
        Assert.NotNull(empty.Version);
        Assert.True(empty.Value.IsEmpty);
    }

    [Fact]
    public async Task Delete_says_whether_the_key_existed()
    {
        await using TestServer server = await TestServer.StartAsync();
        await server.PutAsync("a", "1");
        var request = new DeleteRequest { Key = Wire.Bytes("a") };
        Assert.True((await server.Rpc.UnaryAsync(Wire.Delete, request)).Tombstoned);
        Assert.False((await server.Rpc.UnaryAsync(Wire.Delete, request)).Tombstoned);
        Assert.Null((await server.GetAsync("a")).Version);
    }

    [Fact]
    public async Task A_repeated_delete_with_its_idempotency_key_returns_the_first_answer()
    {
        await using TestServer server = await TestServer.StartAsync();
        await server.PutAsync("a", "1");
        var request = new DeleteRequest { Key = Wire.Bytes("a"), IdempotencyKey = "d1" };
        DeleteResponse first = await server.Rpc.UnaryAsync(Wire.Delete, request);
        await server.PutAsync("a", "2");
        DeleteResponse repeat = await server.Rpc.UnaryAsync(Wire.Delete, request);
        Assert.True(repeat.Tombstoned);
        Assert.Equal(first.Version, repeat.Version);
        Assert.Equal("2", (await server.GetAsync("a")).Value.ToStringUtf8());
    }

    [Fact]
    public async Task The_same_idempotency_string_on_another_key_or_operation_is_another_request()
    {
        await using TestServer server = await TestServer.StartAsync();
        PutResponse a = await server.Rpc.UnaryAsync(Wire.Put, Keyed("a", "1"));
        PutResponse b = await server.Rpc.UnaryAsync(Wire.Put, Keyed("b", "1"));
        DeleteResponse deleted = await server.Rpc.UnaryAsync(
            Wire.Delete, new DeleteRequest { Key = Wire.Bytes("a"), IdempotencyKey = "same" });
        Assert.True(deleted.Tombstoned);
        Assert.Equal(a.Version, (await server.Rpc.UnaryAsync(Wire.Put, Keyed("a", "1"))).Version);
        Assert.Equal(b.Version, (await server.Rpc.UnaryAsync(Wire.Put, Keyed("b", "1"))).Version);
        Assert.Null((await server.GetAsync("a")).Version);

        static PutRequest Keyed(string key, string value) =>
            new() { Key = Wire.Bytes(key), Value = Wire.Bytes(value), IdempotencyKey = "same" };
    }

    [Fact]
    public async Task A_repeat_with_another_payload_returns_the_first_answer_and_says_so()
    {
        await using TestServer server = await TestServer.StartAsync();
        var request = new PutRequest { Key = Wire.Bytes("a"), Value = Wire.Bytes("1"), IdempotencyKey = "x" };
        PutResponse first = await server.Rpc.UnaryAsync(Wire.Put, request);
        PutResponse other = await server.Rpc.UnaryAsync(
            Wire.Put, new PutRequest(request) { Value = Wire.Bytes("2") });
        Assert.Equal(first.Version, other.Version);
        Assert.Equal("payload_differs", other.Meta["idempotent_replay"]);
        Assert.Equal("1", (await server.GetAsync("a")).Value.ToStringUtf8());
    }

    [Fact]
    public async Task Sizes_beyond_the_limits_are_invalid_and_say_which()
    {
        await using TestServer server = await TestServer.StartAsync();
        await FailsWith(new byte[1025], new byte[1], "Key size 1025 exceeds limit 1024");
        await FailsWith([], new byte[1], "ey");
        await FailsWith(new byte[1], new byte[(1 << 20) + 1], "Value size 1048577 exceeds limit 1048576");
        await FailsWith(new byte[1], new byte[2 << 20], "exceeds limit 2097152");
        await server.Rpc.UnaryAsync(Wire.Put, new PutRequest
        {
            Key = ByteString.CopyFrom(new byte[1024]), Value = ByteString.CopyFrom(new byte[1 << 20]),
        });

        async Task FailsWith(byte[] key, byte[] value, string message)
        {
            GrpcException error = await Wire.FailsAsync(server.Rpc.UnaryAsync(Wire.Put, new PutRequest
            {
                Key = ByteString.CopyFrom(key), Value = ByteString.CopyFrom(value),
            }));
            Assert.Equal(GrpcStatusCode.InvalidArgument, error.Code);
            Assert.Contains(message, error.Status.Message, StringComparison.Ordinal);
        }
    }

    public static TheoryData<KvCode, string, GrpcStatusCode> GivingUp => new()
    {
        { KvCode.NotLeader, "NOT_LEADER", GrpcStatusCode.Unavailable },
        { KvCode.QuorumUnavailable, "QUORUM_UNAVAILABLE", GrpcStatusCode.Unavailable },
        { KvCode.CommitTimeout, "COMMIT_TIMEOUT", GrpcStatusCode.DeadlineExceeded },
        { KvCode.Overloaded, "the queue is full", GrpcStatusCode.ResourceExhausted },
    };

    // A single healthy node never answers these; the cluster issue shows them for real.
    [Theory]
    [MemberData(nameof(GivingUp))]
    public async Task Giving_up_has_its_status_and_trailers(KvCode code, string message, GrpcStatusCode status)
    {
        var node = new FakeNode
        {
            Outcome = new KvError(code, message)
            {
                LeaderHint = code == KvCode.NotLeader ? "n2:7447" : null,
                RetryAfter = code == KvCode.Overloaded ? TimeSpan.FromMilliseconds(40) : null,
            },
        };
        await using TestServer server = await TestServer.StartFakeAsync(node);
        GrpcException error = await Wire.FailsAsync(server.PutAsync("a", "1"));
        Assert.Equal((status, message), (error.Code, error.Status.Message));
        Assert.Equal(code == KvCode.NotLeader ? "n2:7447" : null, error.Trailers.GetValue("leader-hint"));
        Assert.Equal(code == KvCode.Overloaded ? "40" : null, error.Trailers.GetValue("retry-after-ms"));
    }

    [Fact]
    public async Task Watch_cluster_sends_the_view_at_once_with_dialable_addresses_and_listed_nodes()
    {
        await using TestServer server = await TestServer.StartAsync();
        await using var watch = server.Rpc.ServerStreaming(Wire.Watch, new Proto.V1.ClusterView());
        Proto.V1.ClusterView view = await FirstAsync(watch);
        Assert.InRange(view.Epoch, 1ul, (1ul << 53) - 1);
        Proto.V1.ClusterNode node = Assert.Single(view.Nodes);
        Assert.Equal(("n1", server.Server.RpcEndPoint.ToString(), "leader"), (node.Id, node.Addr, node.Role));
        Assert.Equal(16, view.Shards.Count);
        Assert.All(view.Shards, s => Assert.Equal(("n1", true), (s.Replicas[0].NodeId, s.Replicas[0].Leader)));
        Assert.Equal((16u, false), (view.TotalShards, view.HashTags));
    }

    [Fact]
    public async Task The_advertised_address_is_never_a_wildcard()
    {
        await using TestServer server = await TestServer.StartAsync(
            static o => o with { RpcAddress = new HostPort("0.0.0.0", 0) });
        string addr = server.Server.Node.View.Nodes.Single().Address;
        Assert.DoesNotContain("0.0.0.0", addr, StringComparison.Ordinal);
        Assert.EndsWith($":{server.Server.RpcEndPoint.Port}", addr, StringComparison.Ordinal);
        await using TestServer named = await TestServer.StartAsync(
            static o => o with { AdvertiseAddress = new HostPort("db1.example", 0) });
        Assert.Equal(
            $"db1.example:{named.Server.RpcEndPoint.Port}", named.Server.Node.View.Nodes.Single().Address);
    }

    [Fact]
    public async Task A_node_that_stops_pushes_a_last_view_and_ends_the_watch()
    {
        await using TestServer server = await TestServer.StartAsync();
        await using var watch = server.Rpc.ServerStreaming(Wire.Watch, new Proto.V1.ClusterView());
        IAsyncEnumerator<Proto.V1.ClusterView> views = watch.GetAsyncEnumerator();
        Assert.True(await views.MoveNextAsync());
        ulong epoch = views.Current.Epoch;
        Task stopping = server.Server.StopAsync();
        Assert.True(await views.MoveNextAsync());
        Assert.True(views.Current.Epoch > epoch);
        GrpcException end = await Assert.ThrowsAsync<GrpcException>(async () => await views.MoveNextAsync());
        Assert.Equal(GrpcStatusCode.Unavailable, end.Code);
        await stopping;
    }

    [Fact]
    public async Task A_silent_connection_with_pings_and_messages_up_to_the_limits_stays_open()
    {
        await using TestServer server = await TestServer.StartAsync();
        using RawHttp2 raw = await RawHttp2.OpenAsync(server.Server.RpcEndPoint.Port);
        for (int i = 0; i < 200; i++) await raw.SendFrameAsync(RawHttp2.Ping, 0, 0, new byte[8]);
        for (int i = 0; i < 200; i++) Assert.NotNull(await raw.ReadFrameAsync(RawHttp2.Ping));
        byte[] most = new byte[1 << 20];
        new Random(7).NextBytes(most);
        for (int i = 0; i < 8; i++)
        {
            await server.Rpc.UnaryAsync(
                Wire.Put, new PutRequest { Key = Wire.Bytes("k"), Value = ByteString.CopyFrom(most) });
            Assert.Equal(most, (await server.GetAsync("k")).Value.ToByteArray());
        }
    }

    [Fact]
    public async Task A_batch_has_a_result_for_each_operation()
    {
        // With 1,024 shards these four keys lie in four: one refusal does not touch the others.
        await using TestServer server = await TestServer.StartAsync(static o => o with { TotalShards = 1024 });
        await server.PutAsync("b", "old");
        BatchResponse response = await server.Rpc.UnaryAsync(Wire.Batch, new BatchRequest
        {
            Operations =
            {
                new Proto.V1.BatchOperation { Put = WireFramingTests.Put("a", "1") },
                new Proto.V1.BatchOperation { Delete = new DeleteRequest { Key = Wire.Bytes("b") } },
                new Proto.V1.BatchOperation { Get = new GetRequest { Key = Wire.Bytes("c") } },
                new Proto.V1.BatchOperation
                {
                    Put = new PutRequest
                    {
                        Key = Wire.Bytes("d"), IfMatch = new Proto.V1.Version { Term = 9, Index = 9 },
                    },
                },
            },
        });
        Assert.Equal(4, response.Results.Count);
        Assert.True(response.Results[0].Put.Version.Index >= 1);
        Assert.True(response.Results[1].Delete.Tombstoned);
        Assert.Null(response.Results[2].Get.Version);
        Assert.Equal(9u, response.Results[3].Error.Code);
        Assert.Equal("1", (await server.GetAsync("a")).Value.ToStringUtf8());
    }

    public static TheoryData<BatchRequest, GrpcStatusCode> BadBatches => new()
    {
        { new BatchRequest { Operations = { new Proto.V1.BatchOperation() } }, GrpcStatusCode.InvalidArgument },
        {
            new BatchRequest
            {
                Operations =
                {
                    new Proto.V1.BatchOperation
                    {
                        Put = new PutRequest { Key = Wire.Bytes("a"), IdempotencyKey = "own" },
                    },
                },
            },
            GrpcStatusCode.InvalidArgument
        },
        {
            new BatchRequest
            {
                Operations =
                {
                    new Proto.V1.BatchOperation { Put = WireFramingTests.Put("a", "1") },
                    new Proto.V1.BatchOperation { Put = WireFramingTests.Put("a", "2") },
                },
            },
            GrpcStatusCode.InvalidArgument
        },
        {
            new BatchRequest
            {
                RequireAtomic = true,
                Operations =
                {
                    new Proto.V1.BatchOperation { Put = WireFramingTests.Put("a", "1") },
                    new Proto.V1.BatchOperation { Put = WireFramingTests.Put("hello", "2") },
                },
            },
            GrpcStatusCode.FailedPrecondition
        },
    };

    [Theory]
    [MemberData(nameof(BadBatches))]
    public async Task A_batch_that_cannot_be_is_refused_whole(BatchRequest batch, GrpcStatusCode status)
    {
        await using TestServer server = await TestServer.StartAsync(static o => o with { TotalShards = 1024 });
        Assert.Equal(status, (await Wire.FailsAsync(server.Rpc.UnaryAsync(Wire.Batch, batch))).Code);
        Assert.Null((await server.GetAsync("a")).Version);
    }

    [Fact]
    public async Task A_scan_streams_pages_in_order_over_all_shards_with_limit_and_token()
    {
        await using TestServer server = await TestServer.StartAsync();
        string[] keys = [.. Enumerable.Range(0, 2500).Select(static i => $"s{i:d5}")];
        foreach (string[] part in keys.Chunk(500))
        {
            var batch = new BatchRequest();
            foreach (string key in part)
                batch.Operations.Add(new Proto.V1.BatchOperation { Put = WireFramingTests.Put(key, key) });
            await server.Rpc.UnaryAsync(Wire.Batch, batch);
        }

        Assert.Equal(keys, await ScanAsync(server, new ScanRequest { Prefix = Wire.Bytes("s") }));
        Assert.Equal(keys.Reverse(), await ScanAsync(server, new ScanRequest { Reverse = true }));
        Assert.Equal(
            keys[10..20],
            await ScanAsync(server, new ScanRequest { Start = Wire.Bytes("s00010"), End = Wire.Bytes("s00020") }));
        Assert.Equal(keys[..1300], await ScanAsync(server, new ScanRequest { Limit = 1300 }));

        ScanResponse limited = (await PagesAsync(server, new ScanRequest { Limit = 7 })).Single();
        Assert.Equal(7ul, limited.Count);
        Assert.True((await PagesAsync(server, new ScanRequest { Limit = 2500 }))[^1].NextPageToken.IsEmpty);
        Assert.Equal(
            keys[7..12],
            await ScanAsync(server, new ScanRequest { Limit = 5, PageToken = limited.NextPageToken }));
        ScanResponse first = (await PagesAsync(server, new ScanRequest()))[0];
        Assert.Equal(
            keys[first.Pairs.Count..], await ScanAsync(server, new ScanRequest { PageToken = first.NextPageToken }));
        ScanResponse counted = (await PagesAsync(server, new ScanRequest { CountOnly = true })).Single();
        Assert.Equal((2500ul, 0), (counted.Count, counted.Pairs.Count));
        List<ScanResponse> keysOnly = await PagesAsync(server, new ScanRequest { KeysOnly = true });
        Assert.All(keysOnly.SelectMany(static p => p.Pairs), static p => Assert.True(p.Value.IsEmpty));
        Assert.Equal(2500ul, keysOnly[^1].Count);
        Assert.True(keysOnly.Count >= 3);
    }

    [Fact]
    public async Task Admin_answers_the_shard_after_it()
    {
        await using TestServer server = await TestServer.StartAsync();
        var shard = new ShardInfo { Id = 3, Replicas = { new ShardReplica { NodeId = "n1", Leader = true } } };
        Assert.Equal(shard, await server.Rpc.UnaryAsync(Wire.Transfer, shard));
        Assert.Equal(3u, (await server.Rpc.UnaryAsync(Wire.Snapshot, new ShardInfo { Id = 3 })).Id);
        GrpcException nobody = await Wire.FailsAsync(server.Rpc.UnaryAsync(Wire.Transfer, new ShardInfo { Id = 3 }));
        Assert.Equal(GrpcStatusCode.InvalidArgument, nobody.Code);
        GrpcException unknown = await Wire.FailsAsync(
            server.Rpc.UnaryAsync(Wire.Snapshot, new ShardInfo { Id = 99 }));
        Assert.Equal(GrpcStatusCode.InvalidArgument, unknown.Code);
    }

    [Fact]
    public async Task Health_follows_the_node()
    {
        var node = new FakeNode();
        await using TestServer server = await TestServer.StartFakeAsync(node);
        Assert.Equal(1, await StatusAsync());
        node.NotReadyReason = "the log failed";
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        while (await StatusAsync() != 2) await Task.Delay(10, patience.Token);
        node.NotReadyReason = null;
        while (await StatusAsync() != 1) await Task.Delay(10, patience.Token);

        // HealthCheckResponse: field 1, varint.
        async Task<int> StatusAsync() =>
            (await server.Rpc.UnaryAsync(Wire.HealthCheck, ReadOnlyMemory<byte>.Empty)).Span[1];
    }

    private static Task<PutResponse> PutIfAsync(
        TestServer server, string key, string value, Proto.V1.Version version) => server.Rpc.UnaryAsync(
            Wire.Put, new PutRequest { Key = Wire.Bytes(key), Value = Wire.Bytes(value), IfMatch = version });

    private static async Task<T> FirstAsync<T>(IAsyncEnumerable<T> all)
    {
        await foreach (T first in all) return first;
        throw new InvalidOperationException("nothing came");
    }

    private static async Task<List<ScanResponse>> PagesAsync(TestServer server, ScanRequest request)
    {
        var pages = new List<ScanResponse>();
        await using var scan = server.Rpc.ServerStreaming(Wire.Scan, request);
        await foreach (ScanResponse page in scan) pages.Add(page);
        return pages;
    }

    private static async Task<string[]> ScanAsync(TestServer server, ScanRequest request) =>
    [
        .. (await PagesAsync(server, request)).SelectMany(static p => p.Pairs).Select(static p => p.Key.ToStringUtf8()),
    ];
}
