using NoriKV.Types;

namespace NoriKV.Client.Tests;

/// <summary>What no node could make sense of is refused before anything is sent.</summary>
public sealed class MistakeTests
{
    [Fact]
    public async Task Mistakes_are_refused_before_anything_is_sent()
    {
        await using var cluster = new ScriptedCluster();
        NoriKVClient kv = cluster.Client;
        var weird = new ReadOptions { Consistency = (Consistency)99 };
        Func<Task>[] mistakes =
        [
            async () => await kv.PutAsync("k", "v", new PutOptions { Ttl = TimeSpan.Zero }),
            async () => await kv.PutAsync("k", "v", new PutOptions { Ttl = TimeSpan.FromSeconds(-1) }),
            async () => await kv.GetAsync("k", weird),
            async () => await kv.GetAsync("k", new ReadOptions { MaxStaleness = TimeSpan.FromSeconds(-1) }),
            async () => await kv.PutAsync("a\ud800", "v"),
            async () => await kv.PutAsync("k", "a\udc00"),
            async () => await kv.PutAsync("k", "v", new PutOptions { IdempotencyKey = "a\ud800" }),
            async () => await kv.ScanPageAsync(new ScanOptions { Limit = -1 }),
            async () => await kv.ScanAsync(new ScanOptions { Limit = -1 }).GetAsyncEnumerator().MoveNextAsync(),
            async () => await kv.CountAsync(new ScanOptions { Read = weird }),
        ];
        foreach (Func<Task> mistake in mistakes) await Assert.ThrowsAsync<InvalidArgumentException>(mistake);
        Assert.Empty(cluster.Only.Calls);
    }

    [Theory]
    [InlineData("foo")]
    [InlineData("a:70000")]
    [InlineData(":1")]
    public void A_bad_address_is_refused(string address) =>
        Assert.Throws<InvalidArgumentException>(() => new ScriptedCluster(null, address));
}
