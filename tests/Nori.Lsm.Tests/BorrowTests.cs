using System.Buffers;
using Nori.IO;

namespace Nori.Lsm.Tests;

/// <summary>A value read in place: the same as a copied one, and good for as long as it is held.</summary>
public sealed class BorrowTests
{
    private readonly ManualTime _time = new();
    private readonly LsmOptions _options;

    public BorrowTests() =>
        _options = Workload.Small(new MemoryFileSystem(1)) with { MemtableBytes = 1 << 20, Time = _time };

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void It_answers_as_a_copying_read_does(bool flushed)
    {
        using var scope = new LsmEngineScope(_options);
        LsmEngine engine = scope.Engine;
        var batch = new WriteBatch();
        batch.Put("there"u8, "a"u8);
        batch.Put("empty"u8, default);
        batch.Put("gone"u8, "b"u8);
        batch.Put("expired"u8, "c"u8, _time.UnixMs);
        batch.Put("expires"u8, "d"u8, _time.UnixMs + 1);
        batch.Put("ranged"u8, "e"u8);
        engine.Write(batch);
        batch.Clear();
        batch.Delete("gone"u8);
        batch.DeleteRange("r"u8, "s"u8);
        engine.Write(batch);
        if (flushed) Workload.Wait(engine.FlushAsync(), engine);

        foreach (string name in new[] { "there", "empty", "gone", "expired", "expires", "ranged", "never" })
        {
            var copy = new ArrayBufferWriter<byte>();
            bool found = engine.TryGet(Keys.Of(name), copy, out LsmValueInfo info);
            using LsmBorrowedValue value = engine.Borrow(Keys.Of(name));
            Assert.Equal((name, found), (name, value.Found));
            Assert.True(copy.WrittenSpan.SequenceEqual(value.Value), name);
            Assert.Equal(info, value.Info);
            Assert.Equal(name is "there" or "empty" or "expires", found);
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void It_stays_what_it_was_while_the_engine_moves_on_and_closes(bool flushed)
    {
        using var scope = new LsmEngineScope(_options);
        LsmEngine engine = scope.Engine;
        byte[] old = new byte[5000];
        Array.Fill(old, (byte)7);
        Put(engine, old);
        if (flushed) Workload.Wait(engine.FlushAsync(), engine);

        LsmBorrowedValue value = engine.Borrow("k"u8);
        Put(engine, [1]);
        Workload.Wait(engine.CompactRangeAsync(), engine);
        using (LsmBorrowedValue next = engine.Borrow("k"u8)) Assert.Equal(1, next.Value[0]);
        scope.Dispose();
        Assert.True(value.Value.SequenceEqual(old));
        value.Dispose();
        value.Dispose();
        Assert.False(value.Found);
        Assert.True(value.Value.IsEmpty);
    }

    [Fact]
    public void A_snapshot_is_read_as_of_its_moment()
    {
        using var scope = new LsmEngineScope(_options);
        LsmEngine engine = scope.Engine;
        Put(engine, [1]);
        using LsmSnapshot before = engine.Snapshot();
        Put(engine, [2]);
        using LsmBorrowedValue then = engine.Borrow("k"u8, new LsmReadOptions { Snapshot = before });
        using LsmBorrowedValue now = engine.Borrow("k"u8);
        Assert.Equal(1, then.Value[0]);
        Assert.Equal(2, now.Value[0]);
    }

    private static void Put(LsmEngine engine, ReadOnlySpan<byte> value)
    {
        var batch = new WriteBatch();
        batch.Put("k"u8, value);
        engine.Write(batch);
    }
}
