using System.Buffers;
using System.Text;
using System.Text.Json;
using Nori.Core;
using NoriKV.Cli.Formats;

namespace NoriKV.Cli.Tests;

public sealed class FormatTests
{
    public static TheoryData<string, string, string> Forms => new(
        from format in Enum.GetNames<RecordFormat>()
        from keys in Enum.GetNames<FieldEncoding>()
        from values in Enum.GetNames<FieldEncoding>()
        select (format, keys, values));

    [Theory]
    [MemberData(nameof(Forms))]
    public void Any_bytes_survive_every_format(string format, string keys, string values)
    {
        IRecordCodec codec = IRecordCodec.Create(
            Enum.Parse<RecordFormat>(format), Enum.Parse<FieldEncoding>(keys), Enum.Parse<FieldEncoding>(values));
        var random = new Prng(42);
        for (int i = 0; i < 3000; i++)
        {
            byte[] key = Bytes(random), value = Bytes(random);
            var buffer = new ArrayBufferWriter<byte>();
            codec.Write(new DataRecord(key, value), buffer);
            Assert.DoesNotContain((byte)'\n', buffer.WrittenSpan.ToArray());
            bool parsed = codec.TryParse(buffer.WrittenSpan, out DataRecord read, out string reason);
            Assert.True(parsed, $"seed 42, record {i}: {reason}");
            Assert.Equal(key, read.Key.ToArray());
            Assert.Equal(value, read.Value.ToArray());
        }
    }

    [Fact]
    public void Json_is_what_other_tools_read()
    {
        IRecordCodec codec = IRecordCodec.Create(RecordFormat.Jsonl, FieldEncoding.Text, FieldEncoding.Text);
        var buffer = new ArrayBufferWriter<byte>();
        codec.Write(new DataRecord("k\"\\"u8.ToArray(), "tab\t é \u0001 \u2028 🦔"u8.ToArray()), buffer);
        Assert.Equal(
            "{\"key\":\"k\\\"\\\\\",\"value\":\"tab\\t é \\u0001 \u2028 🦔\"}",
            Encoding.UTF8.GetString(buffer.WrittenSpan));
        Assert.Equal("k\"\\", JsonDocument.Parse(buffer.WrittenMemory).RootElement.GetProperty("key").GetString());
    }

    [Theory]
    [InlineData("", "JSON")]
    [InlineData("[1]", "object")]
    [InlineData("{\"key\":\"a\"}", "no value")]
    [InlineData("{\"value\":\"a\"}", "no key")]
    [InlineData("{\"key\":\"a\",\"value\":5}", "string")]
    [InlineData("{\"key\":\"a\",\"value\":\"b\"} x", "JSON")]
    [InlineData("{\"key\":\"a\",\"value\":\"b\",\"colour\":1}", "unknown field 'colour'")]
    [InlineData("{\"key\":\"a\",\"key_b64\":\"YQ==\",\"value\":\"b\"}", "twice")]
    [InlineData("{\"key_b64\":\"?\",\"value\":\"b\"}", "base64")]
    [InlineData("{\"key\":\"\\ud800\",\"value\":\"b\"}", "Unicode")]
    [InlineData("{\"key\":\"a\",\"value\":\"b\",\"ttl_ms\":-1}", "ttl_ms")]
    [InlineData("{\"key\":\"a\",\"value\":\"b\"", "JSON")]
    public void A_bad_json_line_says_why(string line, string reason)
    {
        IRecordCodec codec = IRecordCodec.Create(RecordFormat.Jsonl, FieldEncoding.Text, FieldEncoding.Text);
        Assert.False(codec.TryParse(Encoding.UTF8.GetBytes(line), out _, out string said));
        Assert.Contains(reason, said);
    }

    [Theory]
    [InlineData("no tab", "no tab")]
    [InlineData("a\tb\tc", "more than one tab")]
    [InlineData("a\tb\\", "escape")]
    [InlineData("a\t\\q", "escape")]
    [InlineData("a\t\\x4", "escape")]
    [InlineData("a\t\\xzz", "escape")]
    public void A_bad_tsv_line_says_why(string line, string reason)
    {
        IRecordCodec codec = IRecordCodec.Create(RecordFormat.Tsv, FieldEncoding.Text, FieldEncoding.Text);
        Assert.False(codec.TryParse(Encoding.UTF8.GetBytes(line), out _, out string said));
        Assert.Contains(reason, said);
    }

    [Fact]
    public void A_damaged_line_is_a_reason_never_an_exception()
    {
        var random = new Prng(9);
        foreach (RecordFormat format in Enum.GetValues<RecordFormat>())
        {
            IRecordCodec codec = IRecordCodec.Create(format, FieldEncoding.Text, FieldEncoding.Base64);
            for (int i = 0; i < 5000; i++)
            {
                var buffer = new ArrayBufferWriter<byte>();
                codec.Write(new DataRecord(Bytes(random), Bytes(random)), buffer);
                byte[] line = buffer.WrittenSpan.ToArray();
                line[random.NextInt(line.Length)] ^= (byte)random.NextInt(1, 256);
                if (codec.TryParse(line, out _, out string reason)) continue;
                Assert.NotEmpty(reason);
            }
        }
    }

    [Fact]
    public async Task Lines_are_cut_wherever_the_reads_end()
    {
        byte[] text = "a\r\n\nlonger line\nlast"u8.ToArray();
        for (int step = 1; step <= text.Length; step++)
        {
            var reader = new LineReader(new Dribble(text, step));
            var lines = new List<(string, long, long, bool)>();
            while (await reader.ReadAsync(default))
            {
                lines.Add((Encoding.UTF8.GetString(reader.Line.Span), reader.Number, reader.Offset, reader.IsWhole));
            }

            Assert.Equal([("a", 1, 3, true), ("", 2, 4, true), ("longer line", 3, 16, true), ("last", 4, 20, false)], lines);
        }
    }

    [Fact]
    public async Task A_byte_order_mark_in_front_of_the_file_is_no_part_of_its_first_line()
    {
        byte[] text = [0xEF, 0xBB, 0xBF, (byte)'a', (byte)'\n', 0xEF, 0xBB, 0xBF, (byte)'\n'];
        var reader = new LineReader(new MemoryStream(text));
        Assert.True(await reader.ReadAsync(default));
        Assert.Equal("a"u8.ToArray(), reader.Line.ToArray());
        Assert.Equal(5, reader.Offset);
        Assert.True(await reader.ReadAsync(default));
        Assert.Equal(3, reader.Line.Length);
    }

    [Fact]
    public async Task An_endless_line_is_refused()
    {
        var reader = new LineReader(new MemoryStream(new byte[LineReader.LineBytesMax + (1 << 20)]));
        await Assert.ThrowsAsync<InvalidDataException>(async () => await reader.ReadAsync(default));
    }

    private static byte[] Bytes(Prng random)
    {
        if (random.Chance(0.5))
        {
            IEnumerable<char> text = Enumerable.Range(0, random.NextInt(20)).Select(_ => (char)random.NextInt(0x7FF));
            return Encoding.UTF8.GetBytes([.. text]);
        }

        byte[] bytes = new byte[random.NextInt(30)];
        random.Fill(bytes);
        return bytes;
    }

    private sealed class Dribble(byte[] bytes, int step) : MemoryStream(bytes)
    {
        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) =>
            base.ReadAsync(buffer[..Math.Min(step, buffer.Length)], cancellationToken);
    }
}
