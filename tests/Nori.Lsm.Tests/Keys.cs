using System.Text;

namespace Nori.Lsm.Tests;

internal static class Keys
{
    public static byte[] Of(string text) => Encoding.UTF8.GetBytes(text);

    public static string Show(ReadOnlySpan<byte> bytes) => Encoding.UTF8.GetString(bytes);

    public static byte[] Number(int i) => Of($"k{i:D6}");
}
