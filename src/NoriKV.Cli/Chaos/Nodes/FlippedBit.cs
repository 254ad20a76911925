using Nori.Core;

namespace NoriKV.Cli.Chaos.Nodes;

/// <summary>One bit of one file that was flipped while its node was down.</summary>
/// <param name="File">Where.</param>
/// <param name="Offset">The byte.</param>
/// <param name="Bit">0 to 7.</param>
/// <param name="Around">The bytes around it, with the bit flipped.</param>
internal sealed record FlippedBit(string File, long Offset, int Bit, byte[] Around)
{
    private const int Reach = 8;

    /// <summary>Flips one somewhere in what a node stored; null when there is nothing to flip.</summary>
    public static FlippedBit? Flip(string directory, Prng random)
    {
        string[] files =
        [
            .. Directory.EnumerateFiles(directory, "*", SearchOption.AllDirectories)
                .Where(static f => new FileInfo(f).Length > 0 && !Path.GetFileName(f).Equals("LOCK", StringComparison.OrdinalIgnoreCase))
                .Order(StringComparer.Ordinal),
        ];
        if (files.Length == 0) return null;
        string file = files[random.NextInt(files.Length)];
        byte[] bytes = System.IO.File.ReadAllBytes(file);
        // Files are filled ahead with zeros, and nothing reads what is behind the end.
        int used = bytes.AsSpan().LastIndexOfAnyExcept((byte)0) + 1;
        if (used == 0) return null;
        (int offset, int bit) = (random.NextInt(used), random.NextInt(8));
        bytes[offset] ^= (byte)(1 << bit);
        Write(file, offset, bytes[offset]);
        return new FlippedBit(file, offset, bit, bytes[Math.Max(0, offset - Reach)..Math.Min(bytes.Length, offset + Reach)]);
    }

    /// <summary>Flips it back where it still is; true when it was.</summary>
    public bool Mend()
    {
        if (!System.IO.File.Exists(File)) return false;
        byte[] bytes = System.IO.File.ReadAllBytes(File);
        int begin = (int)Math.Max(0, Offset - Reach);
        if (begin + Around.Length > bytes.Length || !bytes.AsSpan(begin, Around.Length).SequenceEqual(Around)) return false;
        Write(File, Offset, (byte)(bytes[Offset] ^ (1 << Bit)));
        return true;
    }

    public override string ToString() =>
        $"{Path.GetFileName(Path.GetDirectoryName(File))}/{Path.GetFileName(File)}, byte {Offset}, bit {Bit}";

    private static void Write(string file, long offset, byte value)
    {
        using FileStream stream = new(file, FileMode.Open, FileAccess.Write);
        stream.Position = offset;
        stream.WriteByte(value);
    }
}
