using Nori.Core;

namespace Nori.Wal.Tests;

public class RecordTests
{
    [Fact]
    public void Puts_and_deletes_come_back()
    {
        byte[] put = Record.Put("key"u8, "value"u8, version: 7, expiryUnixMs: 99).ToArray();
        Assert.True(Record.TryParse(put, out Record record));
        Assert.Equal(RecordKind.Put, record.Kind);
        Assert.Equal((7UL, 99L), (record.Version, record.ExpiryUnixMs));
        Assert.True(record.Key.SequenceEqual("key"u8));
        Assert.True(record.Value.SequenceEqual("value"u8));

        byte[] delete = Record.Delete("k"u8, 8).ToArray();
        Assert.True(Record.TryParse(delete, out record));
        Assert.Equal(RecordKind.Delete, record.Kind);
        Assert.True(record.Key.SequenceEqual("k"u8));
        Assert.True(record.Value.IsEmpty);
    }

    [Fact]
    public void Its_bytes_are_as_documented()
    {
        byte[] put = Record.Put("k"u8, "vw"u8, version: 1, expiryUnixMs: 2).ToArray();
        Assert.Equal("0101" + "0100000000000000" + "0200000000000000" + "016B" + "7677", Convert.ToHexString(put));
    }

    [Fact]
    public void Any_other_bytes_are_no_record_or_another_one_but_no_exception()
    {
        byte[] good = Record.Put("some key"u8, "some value"u8, 3).ToArray();
        for (int length = 0; length < 19; length++) Assert.False(Record.TryParse(good.AsSpan(0, length), out _));
        for (ulong seed = 0; seed < 2000; seed++)
        {
            var prng = new Prng(seed);
            byte[] bytes = (byte[])good.Clone();
            bytes[prng.NextInt(bytes.Length)] = (byte)prng.NextUInt32();
            if (Record.TryParse(bytes, out Record record)) Assert.True(record.Key.Length + record.Value.Length < bytes.Length);
        }
    }
}
