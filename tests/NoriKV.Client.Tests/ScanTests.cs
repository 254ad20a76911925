using System.Runtime.CompilerServices;
using Google.Protobuf;
using NoriKV.Client.Transport;
using NoriKV.Proto.V1;
using NoriKV.Types;

namespace NoriKV.Client.Tests;

public sealed class ScanTests
{
    [Fact]
    public async Task A_scan_goes_on_behind_the_last_page_after_a_failure()
    {
        await using var cluster = new ScriptedCluster();
        int opened = 0;
        cluster.Only.OnScan = (request, _) => Pages(request, failAfter: ++opened < 4 ? 2 : int.MaxValue);

        var keys = new List<byte>();
        await foreach (KvPair pair in cluster.Client.ScanAsync(new ScanOptions())) keys.Add(pair.Key.Span[0]);

        Assert.Equal(Enumerable.Range(0, 10).Select(i => (byte)i), keys);
        Assert.Equal(4, opened);
    }

    [Fact]
    public async Task A_refused_scan_is_the_callers_error()
    {
        await using var cluster = new ScriptedCluster();
        cluster.Only.OnScan = (_, _) => Refuse();
        await Assert.ThrowsAsync<InvalidArgumentException>(async () =>
        {
            await foreach (KvPair unused in cluster.Client.ScanAsync(new ScanOptions())) Assert.Fail("no pair was sent");
        });
    }

    [Fact]
    public async Task A_count_is_the_last_pages()
    {
        await using var cluster = new ScriptedCluster();
        cluster.Only.OnScan = (request, _) => Pages(request, int.MaxValue);
        Assert.Equal(10, await cluster.Client.CountAsync(new ScanOptions()));
    }

    [Fact]
    public async Task A_silent_scan_ends_at_the_deadline()
    {
        await using var cluster = new ScriptedCluster(new NoriKVClientOptions { Deadline = TimeSpan.FromMilliseconds(150) });
        cluster.Only.OnScan = (_, token) => Silent(token);
        await Assert.ThrowsAsync<DeadlineExceededException>(
            async () => await cluster.Client.CountAsync(new ScanOptions()));
    }

    private static async IAsyncEnumerable<ScanResponse> Pages(ScanRequest request, int failAfter)
    {
        await Task.Yield();
        int from = request.PageToken.IsEmpty ? 0 : request.PageToken[0];
        for (int i = from; i < 10; i++)
        {
            if (i - from == failAfter) throw new RpcException(new KvError(KvCode.Unavailable, "broken"), true);
            var page = new ScanResponse
            {
                NextPageToken = i == 9 ? ByteString.Empty : ByteString.CopyFrom((byte)(i + 1)),
                Count = (ulong)(i + 1),
            };
            page.Pairs.Add(new KeyValue { Key = ByteString.CopyFrom((byte)i) });
            yield return page;
        }
    }

    private static async IAsyncEnumerable<ScanResponse> Refuse()
    {
        await Task.Yield();
        if (DateTimeOffset.UnixEpoch.Year == 1970) throw new RpcException(new KvError(KvCode.InvalidArgument, "no"), true);
        yield break;
    }

    private static async IAsyncEnumerable<ScanResponse> Silent([EnumeratorCancellation] CancellationToken token)
    {
        await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, token);
        yield break;
    }
}
