using Nori.Core;
using Nori.IO;

namespace Nori.Wal.Tests;

/// <summary>What the tests of the log share: options in memory, and a model of what was appended.</summary>
internal static class Support
{
    public const string Directory = "/log";

    public static WalOptions Options(IFileSystem files, long segmentBytes = 64 << 10) => new()
    {
        Directory = Directory,
        FileSystem = files,
        SegmentBytes = segmentBytes,
        RecordBytesMax = 1 << 20,
        BatchBytesMax = 2 << 20,
        ZeroAheadBytesMax = 32 << 10,
        Seed = 7,
    };

    public static byte[] Payload(Prng prng, int lengthMax = 300)
    {
        byte[] payload = new byte[prng.NextInt(lengthMax + 1)];
        prng.Fill(payload);
        return payload;
    }

    public static WalPosition Append(WalLog log, params ReadOnlySpan<string> texts)
    {
        using var batch = new WalBatch();
        foreach (string text in texts) batch.Add(1, System.Text.Encoding.UTF8.GetBytes(text));
        return log.Append(batch);
    }

    public static List<string> ReadTexts(WalLog log, WalPosition from = default)
    {
        var texts = new List<string>();
        using WalReader reader = log.ReadFrom(from);
        while (reader.Read()) texts.Add(System.Text.Encoding.UTF8.GetString(reader.Payload));
        return texts;
    }

    public static List<(WalPosition Position, byte Type, byte[] Payload)> ReadAll(WalLog log)
    {
        var records = new List<(WalPosition, byte, byte[])>();
        using WalReader reader = log.ReadFrom(WalPosition.Start);
        while (reader.Read()) records.Add((reader.Position, reader.Type, reader.Payload.ToArray()));
        return records;
    }
}

/// <summary>Collects what opening hands over.</summary>
internal sealed class Replay : IWalReplay
{
    public List<(WalPosition Position, byte Type, byte[] Payload)> Records { get; } = [];

    public List<WalDamage> Damage { get; } = [];

    public void OnRecord(WalPosition position, byte type, int storedBytes, ReadOnlySpan<byte> payload) =>
        Records.Add((position, type, payload.ToArray()));

    public void OnDamage(WalDamage damage) => Damage.Add(damage);
}
