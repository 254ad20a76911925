using System.Text;
using NoriKV.Types;

namespace NoriKV.Client.Behaviour;

/// <summary>Operations on many keys, and on one more than once.</summary>
public abstract partial class NoriKVBehaviour
{
    [Fact]
    public async Task A_repeated_write_gives_the_first_outcome_again()
    {
        var options = new PutOptions { IdempotencyKey = "mine" };
        PutResult first = await Store.PutAsync("idem", "1", options);
        PutResult again = await Store.PutAsync("idem", "1", options);
        PutResult other = await Store.PutAsync("idem", "2", options);
        Assert.Equal(first.Version, again.Version);
        Assert.Equal("true", again.Meta.IdempotentReplay);
        Assert.Equal(first.Version, other.Version);
        Assert.Equal("payload_differs", other.Meta.IdempotentReplay);
        Assert.Equal("1", await Store.GetStringAsync("idem"));
        // Another key is another request. (Its version may be the same: it lies in another shard.)
        Assert.Null((await Store.PutAsync("idem:other", "3", options)).Meta.IdempotentReplay);
        Assert.Equal("3", await Store.GetStringAsync("idem:other"));
        DeleteResult deleted = await Store.DeleteAsync("idem", new DeleteOptions { IdempotencyKey = "mine" });
        DeleteResult repeated = await Store.DeleteAsync("idem", new DeleteOptions { IdempotencyKey = "mine" });
        Assert.True(deleted.Tombstoned && repeated.Tombstoned);
        Assert.Equal(deleted.Version, repeated.Version);
    }

    [Fact]
    public async Task A_repeated_refusal_stays_a_refusal()
    {
        KvVersion version = (await Store.PutAsync("idem:no", "1")).Version;
        var wrong = new PutOptions { IdempotencyKey = "no", IfMatch = version with { Index = version.Index + 1000 } };
        await Assert.ThrowsAsync<VersionMismatchException>(async () => await Store.PutAsync("idem:no", "2", wrong));
        var right = wrong with { IfMatch = version };
        await Assert.ThrowsAsync<VersionMismatchException>(async () => await Store.PutAsync("idem:no", "2", right));
        Assert.Equal("1", await Store.GetStringAsync("idem:no"));
    }

    [Fact]
    public async Task A_batch_answers_each_operation_in_its_place()
    {
        KvVersion old = (await Store.PutAsync("batch:b", "old")).Version;
        IReadOnlyList<BatchOperationResult> results = await Store.BatchAsync(
        [
            BatchOperation.Put(Bytes("batch:a"), Bytes("1")),
            BatchOperation.Put(Bytes("batch:b"), Bytes("2"), ifMatch: old with { Index = old.Index + 1000 }),
            BatchOperation.Delete(Bytes("batch:c")),
            BatchOperation.Get(Bytes("batch:d")),
        ]);
        Assert.Equal(4, results.Count);
        Assert.Null(results[0].Error);
        Assert.True(results[0].Version.IsPresent);
        Assert.Equal(KvCode.VersionMismatch, results[1].Error?.Code);
        Assert.False(results[2].Tombstoned);
        Assert.False(results[3].Version.IsPresent);
        Assert.Equal("1", await Store.GetStringAsync("batch:a"));
        Assert.Equal("old", await Store.GetStringAsync("batch:b"));
    }

    [Fact]
    public async Task A_batch_that_names_a_key_twice_is_refused()
    {
        await Assert.ThrowsAsync<InvalidArgumentException>(async () => await Store.BatchAsync(
            [BatchOperation.Put(Bytes("twice"), Bytes("1")), BatchOperation.Delete(Bytes("twice"))]));
        Assert.False((await Store.GetAsync("twice")).Found);
    }

    [Fact]
    public async Task A_batch_over_shards_is_not_atomic_and_says_so_when_asked()
    {
        BatchOperation[] operations =
            [.. Enumerable.Range(0, 50).Select(i => BatchOperation.Put(Bytes($"spread:{i}"), Bytes("x")))];
        var e = await Assert.ThrowsAnyAsync<NoriKVException>(
            async () => await Store.BatchAsync(operations, new BatchOptions { RequireAtomic = true }));
        Assert.Equal(KvCode.FailedPrecondition, e.Code);
        Assert.Equal(0, await Store.CountAsync(new ScanOptions { Prefix = Bytes("spread:") }));
        IReadOnlyList<BatchOperationResult> results =
            await Store.BatchAsync(operations, new BatchOptions { IdempotencyKey = "spread" });
        IReadOnlyList<BatchOperationResult> again =
            await Store.BatchAsync(operations, new BatchOptions { IdempotencyKey = "spread" });
        Assert.Equal(results.Select(r => r.Version), again.Select(r => r.Version));
        Assert.Equal(50, await Store.CountAsync(new ScanOptions { Prefix = Bytes("spread:") }));
    }

    [Fact]
    public async Task A_scan_gives_every_pair_in_key_order()
    {
        const int Pairs = 3000;
        await Task.WhenAll(Enumerable.Range(0, Pairs).Select(i => Store.PutAsync($"scan:{i:d5}", $"v{i}").AsTask()));
        var prefix = new ScanOptions { Prefix = Bytes("scan:") };
        string[] expected = [.. Enumerable.Range(0, Pairs).Select(i => $"scan:{i:d5}=v{i}")];
        Assert.Equal(expected, await ListAsync(prefix));
        Assert.Equal(expected.Reverse(), await ListAsync(prefix with { Reverse = true }));
        Assert.Equal(expected[..7], await ListAsync(prefix with { Limit = 7 }));
        Assert.Equal(expected.Reverse().Take(2500), await ListAsync(prefix with { Reverse = true, Limit = 2500 }));
        Assert.Equal(
            expected[10..20],
            await ListAsync(new ScanOptions { Start = Bytes("scan:00010"), End = Bytes("scan:00020") }));
        Assert.Equal(
            expected.Select(p => p.Split('=')[0] + "="), await ListAsync(prefix with { KeysOnly = true }));
        Assert.Equal(Pairs, await Store.CountAsync(prefix));
        Assert.Equal(1000, await Store.CountAsync(new ScanOptions { Start = Bytes("scan:02000"), End = Bytes("scan;") }));
    }

    [Fact]
    public async Task A_page_has_its_limit_and_a_token_that_goes_on_behind_it()
    {
        for (int i = 0; i < 5; i++) await Store.PutAsync($"page:{i}", "x");
        var scan = new ScanOptions { Prefix = Bytes("page:"), Limit = 3 };
        ScanPage first = await Store.ScanPageAsync(scan);
        Assert.Equal(["page:0", "page:1", "page:2"], first.Pairs.Select(p => Encoding.UTF8.GetString(p.Key.Span)));
        ScanPage second = await Store.ScanPageAsync(scan with { PageToken = first.NextPageToken });
        Assert.Equal(["page:3", "page:4"], second.Pairs.Select(p => Encoding.UTF8.GetString(p.Key.Span)));
        Assert.True(second.NextPageToken.IsEmpty);
        await Assert.ThrowsAsync<InvalidArgumentException>(async () => await Store.ScanPageAsync(scan with { Limit = 0 }));
    }

    [Fact]
    public async Task A_missing_key_is_an_error_only_where_asked_for()
    {
        NotFoundException e = await Assert.ThrowsAsync<NotFoundException>(
            async () => await Store.GetRequiredAsync(Bytes("missing where asked for")));
        Assert.Equal(KvCode.NotFound, e.Code);
    }

    [Fact]
    public async Task A_scan_of_nothing_is_empty()
    {
        Assert.Empty(await ListAsync(new ScanOptions { Prefix = Bytes("nothing here") }));
        Assert.Equal(0, await Store.CountAsync(new ScanOptions { Prefix = Bytes("nothing here") }));
    }

    [Fact]
    public async Task A_scan_can_be_left_early()
    {
        for (int i = 0; i < 20; i++) await Store.PutAsync($"early:{i:d2}", "x");
        await foreach (KvPair pair in Store.ScanAsync(new ScanOptions { Prefix = Bytes("early:") }))
        {
            Assert.Equal("early:00", Encoding.UTF8.GetString(pair.Key.Span));
            Assert.True(pair.Version.IsPresent);
            break;
        }

        Assert.True((await Store.GetAsync("early:19")).Found);
    }

    [Fact]
    public async Task Thousands_of_operations_at_once_each_get_their_own_answer()
    {
        const int Operations = 4000;
        PutResult[] puts = await Task.WhenAll(
            Enumerable.Range(0, Operations).Select(i => Store.PutAsync($"many:{i}", $"{i}").AsTask()));
        string?[] values = await Task.WhenAll(
            Enumerable.Range(0, Operations).Select(i => Store.GetStringAsync($"many:{i}").AsTask()));
        Assert.All(puts, p => Assert.True(p.Version.IsPresent));
        Assert.Equal(Enumerable.Range(0, Operations).Select(i => $"{i}"), values);
    }

    private static byte[] Bytes(string text) => Encoding.UTF8.GetBytes(text);

    private async Task<List<string>> ListAsync(ScanOptions options)
    {
        var pairs = new List<string>();
        await foreach (KvPair pair in Store.ScanAsync(options))
        {
            pairs.Add($"{Encoding.UTF8.GetString(pair.Key.Span)}={Encoding.UTF8.GetString(pair.Value.Span)}");
        }

        return pairs;
    }
}
