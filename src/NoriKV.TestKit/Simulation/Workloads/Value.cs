using System.Text;
using Nori.Core;

namespace NoriKV.TestKit.Simulation.Workloads;

/// <summary>
/// Values that check themselves: a name, then a filling that follows from the name. The name ends in the filling's length.
/// </summary>
internal static class Value
{
    /// <summary>What a value that was not written by anybody decodes to.</summary>
    public const string Damaged = "(damaged)";

    /// <summary>The bytes of a name such as <c>c3.17:200</c>.</summary>
    public static byte[] Encode(string name)
    {
        int head = Encoding.UTF8.GetByteCount(name) + 1;
        byte[] bytes = new byte[head + FillingOf(name)];
        Encoding.UTF8.GetBytes(name, bytes);
        new Prng(XxHash64.Hash(bytes.AsSpan(0, head - 1))).Fill(bytes.AsSpan(head));
        return bytes;
    }

    /// <summary>The name again; <see cref="Damaged"/> where the bytes are not what was written.</summary>
    public static string Decode(ReadOnlySpan<byte> bytes)
    {
        int end = bytes.IndexOf((byte)0);
        if (end < 0) return Damaged;
        string name = Encoding.UTF8.GetString(bytes[..end]);
        return FillingOf(name) == bytes.Length - end - 1 && Encode(name).AsSpan().SequenceEqual(bytes) ? name : Damaged;
    }

    private static int FillingOf(string name) =>
        int.TryParse(name.AsSpan(name.LastIndexOf(':') + 1), out int filling) && filling >= 0 ? filling : 0;
}
