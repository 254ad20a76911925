using System.Text;
using NoriKV.Types;

namespace NoriKV.Client.Behaviour;

/// <summary>
/// What every <see cref="INoriKV"/> does, over the network and in the process: wire.md's meaning as a caller sees it.
/// </summary>
/// <remarks>Tests share a store, so each keeps to keys of its own.</remarks>
public abstract partial class NoriKVBehaviour
{
    /// <summary>The store under test.</summary>
    protected abstract INoriKV Store { get; }

    [Fact]
    public async Task A_value_is_read_back_with_the_version_that_wrote_it()
    {
        PutResult put = await Store.PutAsync("rt:a", "value");
        GetResult got = await Store.GetAsync("rt:a");
        Assert.True(put.Version.Term >= 1 && put.Version.Index >= 1);
        Assert.Equal(put.Version, got.Version);
        Assert.Equal("value", Encoding.UTF8.GetString(got.Value.Span));
        Assert.Equal(Consistency.Linearizable, got.Meta.Consistency);
    }

    [Fact]
    public async Task A_missing_key_is_a_result()
    {
        GetResult got = await Store.GetAsync("missing");
        Assert.False(got.Found);
        Assert.Equal(0, got.Value.Length);
        Assert.Null(await Store.GetStringAsync("missing"));
    }

    [Fact]
    public async Task An_empty_value_is_a_value()
    {
        await Store.PutAsync("empty", "");
        GetResult got = await Store.GetAsync("empty");
        Assert.True(got.Found);
        Assert.Equal(0, got.Value.Length);
    }

    [Fact]
    public async Task Any_bytes_are_keys_and_values()
    {
        for (int i = 0; i < 256; i++)
        {
            byte[] key = [0, 255, (byte)i, (byte)'/', (byte)'.'], value = [(byte)i, 0, (byte)(255 - i)];
            await Store.PutAsync(key, value);
            Assert.Equal(value, (await Store.GetAsync(key)).Value.ToArray());
        }
    }

    [Fact]
    public async Task Versions_of_a_key_strictly_increase()
    {
        KvVersion last = KvVersion.None;
        for (int i = 0; i < 20; i++)
        {
            KvVersion next = i % 3 == 2
                ? (await Store.DeleteAsync("rising")).Version
                : (await Store.PutAsync("rising", $"{i}")).Version;
            Assert.True(next.CompareTo(last) > 0, $"{next} after {last}");
            last = next;
        }
    }

    [Fact]
    public async Task Deleting_says_whether_the_key_existed()
    {
        await Store.PutAsync("del", "x");
        Assert.True((await Store.DeleteAsync("del")).Tombstoned);
        Assert.False((await Store.DeleteAsync("del")).Tombstoned);
        Assert.False((await Store.GetAsync("del")).Found);
    }

    [Fact]
    public async Task Compare_and_set_takes_the_version_and_no_other()
    {
        KvVersion first = (await Store.PutAsync("cas", "1")).Version;
        KvVersion second = (await Store.PutAsync("cas", "2", new PutOptions { IfMatch = first })).Version;
        var e = await Assert.ThrowsAsync<VersionMismatchException>(
            async () => await Store.PutAsync("cas", "3", new PutOptions { IfMatch = first }));
        Assert.Contains("Version mismatch", e.Message);
        await Assert.ThrowsAsync<VersionMismatchException>(
            async () => await Store.DeleteAsync("cas", new DeleteOptions { IfMatch = first }));
        Assert.Equal("2", await Store.GetStringAsync("cas"));
        Assert.True((await Store.DeleteAsync("cas", new DeleteOptions { IfMatch = second })).Tombstoned);
        await Assert.ThrowsAsync<VersionMismatchException>(
            async () => await Store.PutAsync("cas", "4", new PutOptions { IfMatch = second }));
    }

    [Fact]
    public async Task Put_if_not_exists_is_done_once()
    {
        await Store.PutAsync("once", "1", new PutOptions { IfNotExists = true });
        await Assert.ThrowsAsync<AlreadyExistsException>(
            async () => await Store.PutAsync("once", "2", new PutOptions { IfNotExists = true }));
        Assert.Equal("1", await Store.GetStringAsync("once"));
    }

    [Fact]
    public async Task An_expired_key_is_gone_and_overwriting_removes_the_time_to_live()
    {
        await Store.PutAsync("ttl:gone", "x", new PutOptions { Ttl = TimeSpan.FromMilliseconds(80) });
        await Store.PutAsync("ttl:kept", "x", new PutOptions { Ttl = TimeSpan.FromMilliseconds(80) });
        await Store.PutAsync("ttl:kept", "y");
        long begun = TimeProvider.System.GetTimestamp();
        while ((await Store.GetAsync("ttl:gone")).Found)
        {
            Assert.True(TimeProvider.System.GetElapsedTime(begun) < TimeSpan.FromSeconds(60), "the key never expired");
        }

        Assert.Equal("y", await Store.GetStringAsync("ttl:kept"));
        Assert.Equal(1, await Store.CountAsync(new ScanOptions { Prefix = "ttl:"u8.ToArray() }));
    }

    [Fact]
    public async Task Limits_are_answered_in_words()
    {
        var e = await Assert.ThrowsAsync<InvalidArgumentException>(async () => await Store.PutAsync(new byte[1025], default));
        Assert.Contains("Key size 1025 exceeds limit 1024", e.Message);
        await Assert.ThrowsAsync<InvalidArgumentException>(async () => await Store.PutAsync("", "x"));
        await Assert.ThrowsAsync<InvalidArgumentException>(async () => await Store.GetAsync(new byte[1025]));
        await Assert.ThrowsAsync<InvalidArgumentException>(
            async () => await Store.PutAsync("large"u8.ToArray(), new byte[(1 << 20) + 1]));
    }

    [Fact]
    public async Task A_value_of_the_greatest_size_is_stored()
    {
        byte[] value = new byte[1 << 20];
        new Nori.Core.Prng(1).Fill(value);
        await Store.PutAsync("large"u8.ToArray(), value);
        Assert.Equal(value, (await Store.GetAsync("large")).Value.ToArray());
    }

    [Fact]
    public async Task The_view_names_a_leader_for_every_shard()
    {
        ClusterView view = await Store.GetClusterViewAsync();
        Assert.True(view.Epoch >= 1);
        Assert.Equal(view.TotalShards, view.Shards.Count);
        Assert.All(view.Shards, s => Assert.Single(s.Replicas, r => r.IsLeader && view.Nodes.Any(n => n.Id == r.NodeId)));
        await foreach (ClusterView watched in Store.WatchClusterAsync())
        {
            Assert.Equal(view.ClusterId, watched.ClusterId);
            break;
        }
    }

    [Fact]
    public async Task A_cancelled_token_is_honoured()
    {
        var cancelled = new CancellationToken(canceled: true);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(
            async () => await Store.PutAsync("cancelled", "x", null, cancelled));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await Store.GetAsync("cancelled", null, cancelled));
        Assert.False((await Store.GetAsync("cancelled")).Found);
    }

    [Theory]
    [InlineData(Consistency.Linearizable)]
    [InlineData(Consistency.Lease)]
    [InlineData(Consistency.Bounded)]
    [InlineData(Consistency.StaleOk)]
    public async Task Every_consistency_sees_the_write_of_a_node_alone(Consistency consistency)
    {
        string key = $"fresh:{consistency}";
        await Store.PutAsync(key, "v");
        GetResult got = await Store.GetAsync(key, new ReadOptions { Consistency = consistency });
        Assert.True(got.Found);
        Assert.Equal(consistency, got.Meta.Consistency);
    }

    [Fact]
    public async Task Counters_by_compare_and_set_lose_no_increment()
    {
        const int Workers = 8, Each = 25;
        await Task.WhenAll(Enumerable.Range(0, Workers).Select(_ => Task.Run(async () =>
        {
            for (int done = 0; done < Each;)
            {
                GetResult now = await Store.GetAsync("counter");
                int value = now.Found ? int.Parse(Encoding.UTF8.GetString(now.Value.Span)) : 0;
                try
                {
                    await Store.PutAsync("counter", $"{value + 1}", now.Found
                        ? new PutOptions { IfMatch = now.Version }
                        : new PutOptions { IfNotExists = true });
                    done++;
                }
                catch (NoriKVException e) when (e.Code is KvCode.VersionMismatch or KvCode.AlreadyExists)
                {
                    // Another worker was first.
                }
            }
        })));
        Assert.Equal($"{Workers * Each}", await Store.GetStringAsync("counter"));
    }
}
