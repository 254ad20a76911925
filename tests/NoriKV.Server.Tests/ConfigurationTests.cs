namespace NoriKV.Server.Tests;

public sealed class ConfigurationTests
{
    private static readonly Dictionary<string, string> Nothing = [];

    [Fact]
    public void Without_any_source_the_defaults_of_the_contract_hold()
    {
        ServerOptions options = Load(null).Options!;
        Assert.Equal("0.0.0.0:7447", options.RpcAddress.ToString());
        Assert.Equal("0.0.0.0:8080", options.HttpAddress.ToString());
        Assert.False(options.HttpAddressIsExplicit);
        Assert.Equal((1024, 3), (options.TotalShards, options.ReplicationFactor));
        Assert.Equal((1024, 1 << 20, 2 << 20), (
            options.Limits.KeyBytesMax, options.Limits.ValueBytesMax, options.Limits.RequestBytesMax));
        Assert.Equal("batch", options.WalSync);
        Assert.True(options.PrometheusEnabled);
        Assert.False(options.OtlpEnabled);
        Assert.False(options.Insecure);
    }

    [Fact]
    public void A_later_source_wins_file_environment_flags()
    {
        const string Yaml = "node_id: y\nrpc_addr: 127.0.0.1:1\nhttp_addr: 127.0.0.1:2\n";
        var environment = new Dictionary<string, string>
        {
            ["NORIKV_RPC_ADDR"] = "127.0.0.1:3",
            ["NORIKV_HTTP_ADDR"] = "127.0.0.1:4",
            ["PATH"] = "/bin",
        };
        ServerOptions options = Load(Yaml, environment, new() { ["http-addr"] = "127.0.0.1:5" }).Options!;
        Assert.Equal(
            ("y", "127.0.0.1:3", "127.0.0.1:5"),
            (options.NodeId, options.RpcAddress.ToString(), options.HttpAddress.ToString()));
        Assert.True(options.HttpAddressIsExplicit);
    }

    [Fact]
    public void Every_key_of_the_contract_is_read()
    {
        const string Yaml = """
            node_id: n7
            rpc_addr: db1:7000
            http_addr: "[::1]:8000"
            advertise_addr: db1.example:7000
            data_dir: /var/lib/norikv
            cluster:
              seed_nodes: [a:1, b]
              total_shards: 64
              replication_factor: 5
              bootstrap_expect: 3
              name: prod
              zone: z1
              hash_tags: true
              peer_secret: "0123456789"
            log:
              segment_bytes: 64MiB
            swim:
              probe_interval: 2s
              probe_timeout: 700ms
              indirect_probes: 4
            storage:
              memtable_bytes: 32MiB
              block_cache_bytes: 1GiB
              target_file_bytes: 16MiB
              compression: zstd
              background_bytes_per_second: 100MB
            limits:
              max_in_flight: 77
              idempotency_ttl: 1h
              max_key_bytes: 2KiB
              max_value_bytes: 512KiB
              request_max_bytes: 1MiB
            telemetry:
              prometheus: { enabled: false }
              otlp:
                enabled: true
                endpoint: http://collector:4317
                headers: { authorization: token }
            wal: { sync: always }
            tls: { cert: c.pem, key: k.pem, client_ca: ca.pem }
            insecure: true
            """;
        ConfigurationResult result = Load(Yaml);
        Assert.Empty(result.Errors);
        ServerOptions o = result.Options!;
        Assert.Equal(("n7", "db1:7000", "[::1]:8000"), (o.NodeId, $"{o.RpcAddress}", $"{o.HttpAddress}"));
        Assert.Equal(("db1.example:7000", "/var/lib/norikv"), ($"{o.AdvertiseAddress}", o.DataDirectory));
        Assert.Equal(["a:1", "b:7447"], o.SeedNodes.Select(static s => s.ToString()));
        Assert.Equal((64, 5, 3), (o.TotalShards, o.ReplicationFactor, o.BootstrapExpect));
        Assert.Equal(("prod", "z1", true, "0123456789"), (o.ClusterName, o.Zone, o.HashTags, o.PeerSecret));
        Assert.Equal((64L << 20, 32L << 20, 1L << 30), (o.LogSegmentBytes, o.MemtableBytes, o.BlockCacheBytes));
        Assert.Equal((16L << 20, "zstd", 100_000_000L), (o.TargetFileBytes, o.Compression, o.BackgroundBytesPerSecond));
        Assert.Equal((2.0, 700.0, 4), (
            o.SwimProbeInterval.TotalSeconds, o.SwimProbeTimeout.TotalMilliseconds, o.SwimIndirectProbes));
        Assert.Equal((77, 1.0), (o.MaxInFlight, o.IdempotencyTtl.TotalHours));
        Assert.Equal((2048, 512 << 10, 1 << 20), (
            o.Limits.KeyBytesMax, o.Limits.ValueBytesMax, o.Limits.RequestBytesMax));
        Assert.Equal((false, true, "http://collector:4317"), (o.PrometheusEnabled, o.OtlpEnabled, o.OtlpEndpoint));
        Assert.Equal(["authorization=token"], o.OtlpHeaders);
        Assert.Equal(("always", "c.pem", "k.pem", "ca.pem", true), (
            o.WalSync, o.TlsCertificate, o.TlsKey, o.TlsClientCa, o.Insecure));
    }

    [Theory]
    [InlineData("htpp_addr: x", "config.yaml:1: unknown key 'htpp_addr' (did you mean 'http_addr'?)")]
    [InlineData("cluster:\n  total_shard: 4", "config.yaml:2: unknown key 'cluster.total_shard' (did you mean '")]
    [InlineData("total_shards: 4", "config.yaml:1: unknown key 'total_shards' (did you mean 'cluster.total_shards'?)")]
    [InlineData("limit:\n  max_key_bytes: 4", "config.yaml:1: unknown key 'limit' (did you mean")]
    public void An_unknown_key_is_an_error_that_names_the_nearest(string yaml, string expected)
    {
        ConfigurationResult result = Load(yaml);
        Assert.Null(result.Options);
        Assert.StartsWith(expected, Assert.Single(result.Errors), StringComparison.Ordinal);
    }

    [Fact]
    public void Every_problem_of_every_source_is_listed_at_once()
    {
        ConfigurationResult result = Load(
            "node_id: 'a b'\nwal: { sync: never }\ncluster: { total_shards: 0 }\nlimits: 3\n",
            new() { ["NORIKV_RPC_ADDR"] = "nowhere:99999" },
            new() { ["idempotency"] = "1", ["limits-idempotency-ttl"] = "5 parsecs" });
        Assert.Null(result.Options);
        Assert.Equal(
            [
                "config.yaml:1: node_id: 'a b' is not 1 to 64 of [A-Za-z0-9._-]",
                "config.yaml:2: wal.sync: 'never' is not one of batch, always, os",
                "config.yaml:3: cluster.total_shards: '0' is not a whole number from 1 to 65536",
                "config.yaml:4: limits: expected keys below it, such as limits.max_in_flight",
                "NORIKV_RPC_ADDR: 'nowhere:99999' is not host:port",
                "--idempotency is not known (did you mean '",
                "--limits-idempotency-ttl: '5 parsecs' is not a duration such as 500ms, 5s, 10m or 1h",
            ],
            result.Errors.Order().Select(static e => e.StartsWith("--idem", StringComparison.Ordinal) ? e[..42] : e)
                .OrderBy(static e => e[0] == 'c' ? 0 : e[0] == 'N' ? 1 : 2).ThenBy(static e => e));
    }

    [Theory]
    [InlineData("tls: { cert: a }", "tls.cert and tls.key go together")]
    [InlineData("tls: { client_ca: a }", "tls.client_ca needs tls.cert and tls.key")]
    [InlineData("limits: { request_max_bytes: 64KiB }", "limits.request_max_bytes must hold")]
    [InlineData("wal: { sync: os }\ncluster: { seed_nodes: [b] }", "wal.sync os is for a node alone")]
    [InlineData("swim: { probe_timeout: 3s }", "swim.probe_timeout must be below")]
    public void Values_that_contradict_each_other_are_errors(string yaml, string expected) =>
        Assert.StartsWith(expected, Assert.Single(Load(yaml).Errors), StringComparison.Ordinal);

    [Fact]
    public void A_variable_with_our_prefix_that_nobody_reads_is_a_warning()
    {
        var environment = new Dictionary<string, string> { ["NORIKV_HTTP_ADR"] = "x", ["NORIKV_ADDR"] = "a:1" };
        ConfigurationResult result = Load(null, environment);
        Assert.NotNull(result.Options);
        Assert.Equal(
            "environment variable NORIKV_HTTP_ADR is not known (did you mean 'NORIKV_HTTP_ADDR'?) and is ignored",
            Assert.Single(result.Warnings));
    }

    [Fact]
    public void The_flags_and_variables_of_the_contract_are_in_the_table()
    {
        string[] flags =
        [
            "node-id", "rpc-addr", "http-addr", "advertise-addr", "data-dir", "total-shards", "replication-factor",
            "seed-nodes", "bootstrap-expect",
        ];
        Assert.All(flags, flag => Assert.Contains(Settings.All, s => s.Flag == flag));
        Assert.Contains(Settings.All, static s => s.Flag == "rpc-addr" && s.Aliases.Contains("grpc-addr"));
        Assert.Contains(Settings.All, static s => s.Variable == "NORIKV_HTTP_ADDR");
        Assert.Equal("h:1", Load(null, new() { ["NORIKV_GRPC_ADDR"] = "h:1" }).Options!.RpcAddress.ToString());
        Assert.Equal("h:2", Load(null, flags: new() { ["grpc-addr"] = "h:2" }).Options!.RpcAddress.ToString());
        Assert.Equal(
            ["a:7447", "b:9"],
            Load(null, flags: new() { ["seed-nodes"] = "a, b:9" }).Options!.SeedNodes.Select(static s => $"{s}"));
    }

    [Fact]
    public void No_key_flag_or_variable_is_in_the_table_twice_and_each_default_is_itself_valid()
    {
        string[] flags = [.. Settings.All.SelectMany(static s => s.Aliases.Prepend(s.Flag))];
        Assert.Equal(flags.Length, flags.Distinct().Count());
        Assert.Equal(Settings.All.Count, Settings.All.Select(static s => s.Path).Distinct().Count());
        foreach (Setting setting in Settings.All.Where(static s => s.Default.Length > 0))
            Assert.Empty(Load(null, flags: new() { [setting.Flag] = setting.Default }).Errors);
    }

    [Fact]
    public void What_is_printed_names_every_key_and_no_secret()
    {
        ServerOptions options = Load("cluster: { peer_secret: hunter2hunter2 }").Options!;
        IReadOnlyList<KeyValuePair<string, string>> printed = EffectiveOptions.Of(options);
        Assert.Equal(
            Settings.All.Select(static s => s.Path).Order(), printed.Select(static p => p.Key).Order());
        Assert.DoesNotContain(printed, static p => p.Value.Contains("hunter2", StringComparison.Ordinal));
        Assert.Equal("1024", printed.Single(static p => p.Key == "cluster.total_shards").Value);
    }

    [Theory]
    [InlineData("a: b: c")]
    [InlineData("- a\n- b")]
    [InlineData("{")]
    [InlineData("a: &x [*x]")]
    public void A_file_that_is_no_map_of_settings_is_an_error_and_nothing_worse(string yaml)
    {
        ConfigurationResult result = Load(yaml);
        Assert.Null(result.Options);
        Assert.NotEmpty(result.Errors);
    }

    [Theory]
    [InlineData("")]
    [InlineData("# only a comment\n")]
    [InlineData("cluster:\n")]
    public void An_empty_file_or_section_changes_nothing(string yaml) => Assert.Empty(Load(yaml).Errors);

    [Fact]
    public void A_missing_file_is_an_error_that_names_it()
    {
        ConfigurationResult result = ServerConfiguration.LoadFile("/no/such/norikv.yaml", Nothing);
        Assert.Contains("/no/such/norikv.yaml", Assert.Single(result.Errors), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("1024", 1024)]
    [InlineData("1_024", 1024)]
    [InlineData("4KiB", 4096)]
    [InlineData("4k", 4096)]
    [InlineData("4KB", 4000)]
    [InlineData("1.5 MiB", 1572864)]
    public void Sizes_are_read_as_people_write_them(string text, long bytes)
    {
        Assert.True(SettingText.TryBytes(text, 0, long.MaxValue, out long value, out _));
        Assert.Equal(bytes, value);
    }

    [Theory]
    [InlineData("12 parsecs")]
    [InlineData("-1")]
    [InlineData("1.0001")]
    [InlineData("99999999999999999999")]
    [InlineData("")]
    public void What_is_no_size_is_refused(string text) =>
        Assert.False(SettingText.TryBytes(text, 0, long.MaxValue, out _, out _));

    [Theory]
    [InlineData("500ms", 500)]
    [InlineData("5s", 5000)]
    [InlineData("1.5s", 1500)]
    [InlineData("10m", 600000)]
    [InlineData("1h", 3600000)]
    public void Durations_are_read_as_people_write_them(string text, double milliseconds)
    {
        Assert.True(SettingText.TryDuration(text, TimeSpan.Zero, TimeSpan.MaxValue, out TimeSpan value, out _));
        Assert.Equal(milliseconds, value.TotalMilliseconds);
    }

    [Theory]
    [InlineData("db1:7447", "db1", 7447)]
    [InlineData("db1", "db1", 9)]
    [InlineData(":7447", "0.0.0.0", 7447)]
    [InlineData("[::1]:7447", "::1", 7447)]
    [InlineData("::1", "::1", 9)]
    [InlineData("127.0.0.1:0", "127.0.0.1", 0)]
    [InlineData("*:80", "*", 80)]
    public void Addresses_may_be_names_and_both_kinds_of_ip(string text, string host, int port)
    {
        Assert.True(HostPort.TryParse(text, 9, out HostPort? address));
        Assert.Equal((host, port), (address!.Host, address.Port));
    }

    [Theory]
    [InlineData("a:b")]
    [InlineData("a:70000")]
    [InlineData("")]
    [InlineData("[::1")]
    [InlineData("a b:1")]
    [InlineData("[zz]:1")]
    public void What_is_no_address_is_refused(string text) => Assert.False(HostPort.TryParse(text, 9, out _));

    private static ConfigurationResult Load(
        string? yaml, Dictionary<string, string>? environment = null, Dictionary<string, string>? flags = null) =>
        ServerConfiguration.Load(yaml, environment ?? Nothing, flags ?? Nothing);
}
