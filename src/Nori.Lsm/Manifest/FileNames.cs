using System.Globalization;

namespace Nori.Lsm.Manifest;

/// <summary>The names of the engine's files; part of the format.</summary>
internal static class FileNames
{
    public const string Current = "CURRENT";
    public const string CurrentTemporary = "CURRENT.tmp";
    public const string Lock = "LOCK";
    public const string WalDirectory = "wal";
    private const string ManifestPrefix = "MANIFEST-";
    private const string TableSuffix = ".sst";

    public static string Table(ulong number) => number.ToString("D8", CultureInfo.InvariantCulture) + TableSuffix;

    public static string Manifest(ulong number) => ManifestPrefix + number.ToString("D8", CultureInfo.InvariantCulture);

    public static bool TryParseTable(string name, out ulong number)
    {
        number = 0;
        return name.EndsWith(TableSuffix, StringComparison.Ordinal)
            && TryParseNumber(name.AsSpan(0, name.Length - TableSuffix.Length), out number)
            && Table(number) == name;
    }

    public static bool TryParseManifest(string name, out ulong number)
    {
        number = 0;
        return name.StartsWith(ManifestPrefix, StringComparison.Ordinal)
            && TryParseNumber(name.AsSpan(ManifestPrefix.Length), out number)
            && Manifest(number) == name;
    }

    private static bool TryParseNumber(ReadOnlySpan<char> digits, out ulong number) =>
        ulong.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out number);
}
