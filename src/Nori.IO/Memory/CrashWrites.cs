using Nori.Core;

namespace Nori.IO;

/// <summary>Decides which unsynced changes of a file a power loss leaves, and how whole.</summary>
internal static class CrashWrites
{
    private const int SectorBytes = 512;

    private enum Fate
    {
        Keep,
        Drop,
        Tear,
    }

    public static void Replay(FileNode file, List<UnsyncedChange> changes, Prng random, CrashMode mode)
    {
        // Some crashes keep a prefix in order (a quiet disk), others any subset (a cache that reorders): bugs
        // hide in both.
        int shape = random.NextInt(100);
        int prefix = shape < 10 ? changes.Count : shape < 25 ? 0 : shape < 50 ? random.NextInt(changes.Count + 1) : -1;
        for (int i = 0; i < changes.Count; i++)
        {
            Fate fate = prefix < 0 ? AnyFate(random)
                : i < prefix ? Fate.Keep
                : i == prefix && prefix > 0 ? Fate.Tear
                : Fate.Drop;
            Apply(file, changes[i], fate, random, mode);
        }
    }

    private static Fate AnyFate(Prng random) => random.NextInt(10) switch
    {
        < 4 => Fate.Keep,
        < 7 => Fate.Drop,
        _ => Fate.Tear,
    };

    private static void Apply(FileNode file, UnsyncedChange change, Fate fate, Prng random, CrashMode mode)
    {
        if (!change.IsWrite)
        {
            if (fate == Fate.Keep || (fate == Fate.Tear && random.Chance(0.5))) file.Resize(change.LengthAfter);
        }
        else if (fate == Fate.Keep)
        {
            file.Restore(change, 0, change.Written.Length);
        }
        else if (fate == Fate.Tear)
        {
            Tear(file, change, random, mode);
        }
    }

    private static void Tear(FileNode file, UnsyncedChange change, Prng random, CrashMode mode)
    {
        // The new length may have been recorded although the bytes were not.
        long lengthBefore = file.Length;
        if (change.LengthAfter > lengthBefore && random.Chance(0.3))
        {
            file.Resize(change.LengthAfter);
            long gap = Math.Max(lengthBefore, change.Offset);
            if (mode == CrashMode.PowerLossGarbage && random.Chance(0.5)) Scribble(file, gap, change.LengthAfter, random);
        }

        double kept = random.NextDouble();
        int end;
        for (int start = 0; start < change.Written.Length; start = end)
        {
            long sector = (change.Offset + start) / SectorBytes;
            end = (int)Math.Min(change.Written.Length, (sector + 1) * SectorBytes - change.Offset);
            if (random.Chance(kept)) file.Restore(change, start, end - start);
            else if (random.Chance(0.4)) TearInside(file, change, start, end, random, mode);
        }
    }

    private static void TearInside(
        FileNode file, UnsyncedChange change, int start, int end, Prng random, CrashMode mode)
    {
        int cut = random.NextInt(start, end);
        if (cut > start) file.Restore(change, start, cut - start);
        if (mode == CrashMode.PowerLossGarbage && random.Chance(0.5))
            Scribble(file, change.Offset + cut, change.Offset + end, random);
    }

    private static void Scribble(FileNode file, long from, long to, Prng random)
    {
        Span<byte> garbage = stackalloc byte[SectorBytes];
        for (; from < to; from += SectorBytes)
        {
            Span<byte> piece = garbage[..(int)Math.Min(SectorBytes, to - from)];
            random.Fill(piece);
            file.RestoreGarbage(from, piece);
        }
    }
}
