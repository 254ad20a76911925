using System.Text;
using Nori.Compression;
using Nori.Core;
using Nori.SSTable.Blocks;

namespace Nori.SSTable.Format;

// Properties block: a sorted block; key = name, trailer 0, value = bytes. Numbers are varints. Names of this
// format begin with "nori.", those of users with "user.". Names a reader does not know are ignored. Table id
// and file length are the footer's and the file's.
internal static class PropertiesCodec
{
    private const string Own = "nori.";
    private const string User = "user.";
    private const int NameBytesMax = 1024;

    public static byte[] Encode(TableProperties properties)
    {
        var fields = new List<(byte[] Name, byte[] Value)>();
        foreach ((string name, ulong value) in Numbers(properties))
            fields.Add((Name(Own + name), Number(value)));
        fields.Add((Name(Own + "largest_key"), properties.LargestKey.ToArray()));
        fields.Add((Name(Own + "smallest_key"), properties.SmallestKey.ToArray()));
        foreach ((string name, ReadOnlyMemory<byte> value) in properties.UserProperties)
            fields.Add((Name(User + name), value.ToArray()));
        fields.Sort((a, b) => a.Name.AsSpan().SequenceCompareTo(b.Name));

        var builder = new BlockBuilder(restartInterval: 1);
        foreach ((byte[] name, byte[] value) in fields) builder.Add(name, 0, value);
        return builder.Finish().ToArray();
    }

    /// <summary>The properties, or null and what is wrong.</summary>
    public static TableProperties? Decode(Block block, out string problem)
    {
        var numbers = new Dictionary<string, ulong>(StringComparer.Ordinal);
        var keys = new Dictionary<string, ReadOnlyMemory<byte>>(StringComparer.Ordinal);
        var user = new Dictionary<string, ReadOnlyMemory<byte>>(StringComparer.Ordinal);
        var cursor = new BlockCursor();
        cursor.Reset(block);
        for (cursor.SeekToFirst(); cursor.Valid; cursor.Next())
        {
            string name = Encoding.UTF8.GetString(cursor.Key);
            if (name.StartsWith(User, StringComparison.Ordinal))
                user[name[User.Length..]] = cursor.Value.ToArray();
            if (!name.StartsWith(Own, StringComparison.Ordinal)) continue;
            name = name[Own.Length..];
            if (name is "smallest_key" or "largest_key") keys[name] = cursor.Value.ToArray();
            else if (Varint.TryRead(cursor.Value, out ulong number, out int n) && n == cursor.Value.Length)
                numbers[name] = number;
        }

        string? missing = Numbers(new TableProperties())
            .Select(field => field.Name)
            .FirstOrDefault(n => !numbers.ContainsKey(n));
        if (!keys.ContainsKey("smallest_key") || !keys.ContainsKey("largest_key"))
            missing ??= "smallest_key or largest_key";
        problem = missing is null ? "" : $"no number {missing}";
        if (missing is not null) return null;
        string? wide = numbers.FirstOrDefault(n => n.Value > long.MaxValue).Key;
        if (wide is not null) problem = $"a number {wide} out of range";
        return wide is not null ? null : Make(numbers, keys, user);
    }

    internal static byte[] UserName(string name)
    {
        byte[] bytes = Name(User + name);
        if (bytes.Length <= NameBytesMax) return bytes;
        throw new ArgumentException(
            $"a property name of {bytes.Length} bytes; at most {NameBytesMax}", nameof(name));
    }

    private static TableProperties Make(
        Dictionary<string, ulong> numbers, Dictionary<string, ReadOnlyMemory<byte>> keys,
        Dictionary<string, ReadOnlyMemory<byte>> user) => new()
    {
        Entries = (long)numbers["entries"],
        Deletes = (long)numbers["deletes"],
        ExpiringEntries = (long)numbers["expiring_entries"],
        RangeDeletes = (long)numbers["range_deletes"],
        DistinctKeys = (long)numbers["distinct_keys"],
        DataBlocks = (long)numbers["data_blocks"],
        IndexBlocks = (long)numbers["index_blocks"],
        RawKeyBytes = (long)numbers["raw_key_bytes"],
        RawValueBytes = (long)numbers["raw_value_bytes"],
        DataBytes = (long)numbers["data_bytes"],
        IndexBytes = (long)numbers["index_bytes"],
        FilterBytes = (long)numbers["filter_bytes"],
        SmallestSequence = numbers["smallest_sequence"],
        LargestSequence = numbers["largest_sequence"],
        Compression = (CompressionType)(byte)numbers["compression"],
        SmallestKey = keys["smallest_key"],
        LargestKey = keys["largest_key"],
        UserProperties = user,
    };

    private static IEnumerable<(string Name, ulong Value)> Numbers(TableProperties p) =>
    [
        ("entries", (ulong)p.Entries),
        ("deletes", (ulong)p.Deletes),
        ("expiring_entries", (ulong)p.ExpiringEntries),
        ("range_deletes", (ulong)p.RangeDeletes),
        ("distinct_keys", (ulong)p.DistinctKeys),
        ("data_blocks", (ulong)p.DataBlocks),
        ("index_blocks", (ulong)p.IndexBlocks),
        ("raw_key_bytes", (ulong)p.RawKeyBytes),
        ("raw_value_bytes", (ulong)p.RawValueBytes),
        ("data_bytes", (ulong)p.DataBytes),
        ("index_bytes", (ulong)p.IndexBytes),
        ("filter_bytes", (ulong)p.FilterBytes),
        ("smallest_sequence", p.SmallestSequence),
        ("largest_sequence", p.LargestSequence),
        ("compression", (ulong)p.Compression),
    ];

    private static byte[] Name(string name) => Encoding.UTF8.GetBytes(name);

    private static byte[] Number(ulong value)
    {
        byte[] bytes = new byte[Varint.SizeOf(value)];
        Varint.Write(bytes, value);
        return bytes;
    }
}
