namespace Nori.IO.Tests;

/// <summary>The memory twin must stay cheap enough to be cloned before every call of a test.</summary>
public sealed class MemoryCostTests
{
    [Fact]
    public void A_zero_filled_log_segment_and_its_clones_cost_next_to_nothing()
    {
        MemoryFileSystem files = new();
        using IFile file = files.Open("/wal", FileOpen.CreateNew);
        files.CreateDirectory("/x");
        long before = GC.GetAllocatedBytesForCurrentThread();
        file.ZeroFill(0, 128 << 20);
        file.Sync();
        Assert.Equal(128 << 20, file.Length);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 1 << 20);

        before = GC.GetAllocatedBytesForCurrentThread();
        byte[] record = Enumerable.Repeat((byte)1, 100).ToArray();
        for (int i = 0; i < 1000; i++)
        {
            file.Write(i * 100, record);
            _ = files.Clone();
        }

        long perStep = (GC.GetAllocatedBytesForCurrentThread() - before) / 1000;
        Assert.InRange(perStep, 0, 20_000);
    }

    [Fact]
    public async Task Threads_write_and_crash_side_by_side()
    {
        MemoryFileSystem files = new();
        Task[] writers = Enumerable.Range(0, 4).Select(n => Task.Run(() =>
        {
            using IFile file = files.Open($"/{n}", FileOpen.CreateNew);
            byte[] data = Enumerable.Repeat((byte)(n + 1), 64).ToArray();
            for (int i = 0; i < 2000; i++)
            {
                file.Write(i * 64, data);
                if (i % 10 == 0) file.Sync();
            }

            file.Sync();
        })).ToArray();
        for (ulong seed = 0; seed < 50; seed++)
        {
            MemoryFileSystem after = files.Crash(seed);
            foreach (string name in after.List("/"))
            {
                byte own = (byte)(name[0] - '0' + 1);
                Assert.Equal(-1, after.ReadAllBytes("/" + name).AsSpan().IndexOfAnyExcept((byte)0, own));
            }
        }

        await Task.WhenAll(writers);
        for (int n = 0; n < 4; n++) Assert.Equal(128_000, files.ReadAllBytes($"/{n}").Length);
    }
}
