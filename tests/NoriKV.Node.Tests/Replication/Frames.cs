namespace NoriKV.Node.Tests.Replication;

/// <summary>What the way may do to a frame.</summary>
internal static class Frames
{
    /// <summary>The frame with one bit changed, each in turn, its checksum's own among them; valid until the next one.</summary>
    public static IEnumerable<byte[]> EachBitFlipped(byte[] frame)
    {
        byte[] copy = [.. frame];
        for (int bit = 0; bit < copy.Length * 8; bit++)
        {
            copy[bit >> 3] ^= (byte)(1 << (bit & 7));
            yield return copy;
            copy[bit >> 3] ^= (byte)(1 << (bit & 7));
        }
    }
}
