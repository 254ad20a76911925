using Nori.Core;
using Nori.IO;
using NoriKV.Node.Directory;

namespace NoriKV.Node.Tests;

public sealed class FramedFileTests
{
    private static byte[] Bytes => FramedFile.Encode("NORITEST"u8, 3, static w => w.WriteVarint(300));

    [Fact]
    public void What_was_written_is_read()
    {
        Assert.True(FramedFile.TryOpen(Bytes, "NORITEST"u8, 3, out SpanReader body));
        Assert.True(body.TryReadVarint(out ulong value) && body.AtEnd);
        Assert.Equal(300ul, value);
    }

    [Fact]
    public void Any_other_byte_length_magic_or_format_is_not_this_file()
    {
        byte[] whole = Bytes;
        for (int i = 0; i < whole.Length; i++)
        {
            byte[] changed = [.. whole];
            changed[i] ^= 1;
            Assert.False(FramedFile.TryOpen(changed, "NORITEST"u8, 3, out _));
            Assert.False(FramedFile.TryOpen(whole.AsSpan(0, i), "NORITEST"u8, 3, out _));
        }

        Assert.False(FramedFile.TryOpen(whole, "NORITESU"u8, 3, out _));
        Assert.False(FramedFile.TryOpen(whole, "NORITEST"u8, 4, out _));
    }

    [Fact]
    public void Damage_is_named_and_a_missing_file_is_none()
    {
        var files = new MemoryFileSystem(1);
        files.CreateDirectory("/d");
        Assert.Null(FramedFile.Load(files, "/d", "f", "a test", static _ => "read"));
        FramedFile.Save(files, "/d", "f", Bytes);
        Assert.Equal("read", FramedFile.Load(files, "/d", "f", "a test", static _ => "read"));
        CorruptionException damage = Assert.Throws<CorruptionException>(
            () => FramedFile.Load<string>(files, "/d", "f", "a test", static _ => null));
        Assert.Equal("/d/f", damage.File);
        Assert.Equal("a test", damage.Expected);
    }
}
