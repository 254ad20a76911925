using System.Text;
using Nori.IO;
using NoriKV.Types;

namespace NoriKV.Node.Tests;

/// <summary>
/// A node without threads, on a file system in memory and a clock of the test's: every call is stepped to its end.
/// </summary>
internal sealed class SteppedNode : IAsyncDisposable
{
    public const string Data = "/data";

    private SteppedNode(NoriNode node, IFileSystem files, ManualTime time) => (Node, Files, Time) = (node, files, time);

    public NoriNode Node { get; }

    public IFileSystem Files { get; }

    public ManualTime Time { get; }

    public static NodeOptions Options(IFileSystem files, ManualTime time) => new()
    {
        NodeName = "n1",
        DataDirectory = Data,
        FileSystem = files,
        TotalShards = 8,
        Time = time,
        Seed = 42,
        RunLoops = false,
        LogSegmentBytes = 1 << 20,
        MemtableBytes = 1 << 20,
        BlockCacheBytes = 1 << 20,
        DiskReserveBytes = 0,
    };

    public static SteppedNode Start(
        IFileSystem? files = null, ManualTime? time = null, Func<NodeOptions, NodeOptions>? configure = null)
    {
        files ??= new MemoryFileSystem(1);
        time ??= new ManualTime();
        NodeOptions options = Options(files, time);
        Task<NoriNode> start = NoriNode.StartAsync(configure?.Invoke(options) ?? options).AsTask();
        Assert.True(start.IsCompleted, "a node without loops starts synchronously");
        return new SteppedNode(start.GetAwaiter().GetResult(), files, time);
    }

    public T Run<T>(ValueTask<T> call)
    {
        for (int steps = 0; !call.IsCompleted; steps++)
        {
            Assert.True(steps < 10_000, "the call does not complete");
            Node.RunOnce();
        }

        return call.GetAwaiter().GetResult();
    }

    /// <summary>The result of a call that must have been answered by now.</summary>
    public static T Answer<T>(Task<T> call)
    {
        Assert.True(call.IsCompleted, "the call is not answered");
        return call.GetAwaiter().GetResult();
    }

    public void RunUntilIdle()
    {
        for (int i = 0; i < 10_000 && Node.RunOnce(); i++)
        {
        }
    }

    public static RequestContext Context => new(long.MaxValue, "", CancellationToken.None);

    public static byte[] Bytes(string text) => Encoding.UTF8.GetBytes(text);

    public KvResult<PutResult> Put(string key, string value, PutOptions? options = null) =>
        Run(Node.PutAsync(Bytes(key), Bytes(value), options ?? new PutOptions(), Context));

    public KvResult<DeleteResult> Delete(string key, DeleteOptions? options = null) =>
        Run(Node.DeleteAsync(Bytes(key), options ?? new DeleteOptions(), Context));

    public KvResult<GetResult> Get(string key) => Run(Node.GetAsync(Bytes(key), ReadOptions.Default, Context));

    /// <summary>The value; null when missing.</summary>
    public string? Read(string key)
    {
        GetResult found = Get(key).Value;
        return found.Found ? Encoding.UTF8.GetString(found.Value.Span) : null;
    }

    public KvResult<IReadOnlyList<BatchOperationResult>> Batch(BatchOptions options, params BatchOperation[] operations) =>
        Run(Node.BatchAsync(operations, options, Context));

    public KvResult<ScanPage> Scan(ScanOptions options, int pairs = 1000, int bytes = 1 << 20) =>
        Run(Node.ScanAsync(options, pairs, bytes, Context));

    /// <summary>All keys of one scan, page by page; a limit is each call's, so the calls ask for the rest.</summary>
    public List<string> ScanAll(ScanOptions options, int pairsPerPage = 1000)
    {
        var keys = new List<string>();
        ScanOptions rest = options;
        do
        {
            ScanPage page = Scan(rest, pairsPerPage).Value;
            keys.AddRange(page.Pairs.Select(p => Encoding.UTF8.GetString(p.Key.Span)));
            rest = rest with
            {
                PageToken = page.NextPageToken,
                Limit = options.Limit == 0 ? 0 : options.Limit - keys.Count,
            };
        }
        while (!rest.PageToken.IsEmpty && (options.Limit == 0 || rest.Limit > 0));
        return keys;
    }

    public void Stop()
    {
        Task stop = Node.StopAsync(TimeSpan.FromSeconds(5)).AsTask();
        Assert.True(stop.IsCompleted, "a node without loops stops synchronously");
        stop.GetAwaiter().GetResult();
    }

    public ValueTask DisposeAsync() => Node.StopAsync(TimeSpan.FromSeconds(5));
}
