using System.Text;

namespace Nori.Core.Tests;

public sealed class Crc32CTests
{
    // RFC 3720 (iSCSI), appendix B.4.
    public static TheoryData<string, uint> Rfc3720 => new()
    {
        { new string('0', 64), 0x8A9136AA },
        { new string('F', 64), 0x62A8AB43 },
        { Convert.ToHexString(Enumerable.Range(0, 32).Select(i => (byte)i).ToArray()), 0x46DD794E },
        { Convert.ToHexString(Enumerable.Range(0, 32).Select(i => (byte)(31 - i)).ToArray()), 0x113FDB5C },
        {
            "01C00000000000000000000000000000" + "14000000000004000000001400000018"
            + "28000000000000000200000000000000",
            0xD9963A56
        },
    };

    [Theory]
    [MemberData(nameof(Rfc3720))]
    public void The_vectors_of_rfc_3720_hold(string hex, uint expected)
    {
        Assert.Equal(expected, Crc32C.Compute(Convert.FromHexString(hex)));
    }

    [Fact]
    public void The_check_value_of_the_catalogues_holds()
    {
        Assert.Equal(0xE3069283u, Crc32C.Compute("123456789"u8));
        Assert.Equal(0u, Crc32C.Compute([]));
    }

    [Fact]
    public void Appending_in_pieces_equals_computing_at_once()
    {
        Prng random = new(1);
        byte[] data = new byte[300];
        random.Fill(data);
        uint whole = Crc32C.Compute(data);
        for (int cut = 0; cut <= data.Length; cut++)
            Assert.Equal(whole, Crc32C.Append(Crc32C.Compute(data.AsSpan(0, cut)), data.AsSpan(cut)));
    }

    [Fact]
    public void Every_length_and_alignment_equals_the_bitwise_definition()
    {
        Prng random = new(2);
        byte[] data = new byte[80];
        random.Fill(data);
        for (int start = 0; start < 9; start++)
        {
            for (int length = 0; start + length <= data.Length; length++)
                Assert.Equal(Bitwise(data.AsSpan(start, length)), Crc32C.Compute(data.AsSpan(start, length)));
        }
    }

    [Fact]
    public void Long_data_which_is_taken_in_three_pieces_at_once_equals_the_bitwise_definition()
    {
        Prng random = new(3);
        byte[] data = new byte[5000];
        random.Fill(data);
        foreach (int length in new[] { 1000, 1007, 1008, 1009, 1016, 1024, 2015, 2016, 2017, 4096, 4999 })
        {
            for (int start = 0; start < 2; start++)
            {
                ReadOnlySpan<byte> part = data.AsSpan(start, length);
                Assert.Equal(Bitwise(part), Crc32C.Compute(part));
                Assert.Equal(Bitwise(part), Crc32C.Append(Crc32C.Compute(part[..13]), part[13..]));
            }
        }
    }

    [Fact]
    public void Any_flipped_bit_is_seen()
    {
        byte[] data = Encoding.ASCII.GetBytes("a record of some length that lies in a log");
        uint right = Crc32C.Compute(data);
        for (int bit = 0; bit < data.Length * 8; bit++)
        {
            data[bit / 8] ^= (byte)(1 << (bit % 8));
            Assert.NotEqual(right, Crc32C.Compute(data));
            data[bit / 8] ^= (byte)(1 << (bit % 8));
        }
    }

    private static uint Bitwise(ReadOnlySpan<byte> data)
    {
        uint crc = ~0u;
        foreach (byte b in data)
        {
            crc ^= b;
            for (int i = 0; i < 8; i++) crc = (crc & 1) != 0 ? (crc >> 1) ^ 0x82F63B78 : crc >> 1;
        }

        return ~crc;
    }
}
