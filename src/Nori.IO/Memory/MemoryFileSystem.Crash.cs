using Nori.Core;
using static Nori.IO.StorageErrors;

namespace Nori.IO;

public sealed partial class MemoryFileSystem
{
    /// <summary>
    /// A new file system as the machine would find it after a crash now. This one is not touched: its open
    /// files stay with it and never reach the new one. Directory locks do not survive.
    /// </summary>
    /// <param name="seed">Decides what of the unsynced survives.</param>
    /// <param name="mode">What kind of crash.</param>
    public MemoryFileSystem Crash(ulong seed, CrashMode mode = CrashMode.PowerLoss)
    {
        MemoryFileSystem after = Clone();
        if (mode != CrashMode.ProcessOnly) after.LosePower(new Prng(seed ^ (_seed * 0x9E3779B97F4A7C15UL)), mode);
        return after;
    }

    /// <summary>A copy with the same content, synced and unsynced; without open files and locks.</summary>
    public MemoryFileSystem Clone()
    {
        lock (Gate)
        {
            MemoryFileSystem copy = new(_seed) { CapacityBytes = CapacityBytes };
            Dictionary<Node, Node> copies = new(ReferenceEqualityComparer.Instance);
            copy._root = (DirectoryNode)Copy(_root, copies);
            foreach (NameChange change in _unsyncedNames)
            {
                copy._unsyncedNames.Add(new NameChange(Array.ConvertAll(
                    change.Assignments,
                    a => a with
                    {
                        Directory = (DirectoryNode)Copy(a.Directory, copies),
                        Node = a.Node is null ? null : Copy(a.Node, copies),
                    })));
            }

            return copy;
        }
    }

    /// <summary>
    /// From now on every call on this file system and its open files fails with EIO: what a crashed process's
    /// threads see.
    /// </summary>
    public void PowerOff()
    {
        lock (Gate) _off = true;
    }

    /// <summary>Flips the bits of <paramref name="mask"/> in one byte, durably: a decayed medium.</summary>
    public void Corrupt(string path, long offset, byte mask)
    {
        ArgumentOutOfRangeException.ThrowIfZero(mask);
        lock (Gate)
        {
            if (FindLocked(path) is not FileNode file) throw FromErrno("corrupt", path, Errno.NoEntry);
            ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(offset, file.Length);
            file.Corrupt(offset, mask);
        }
    }

    private static Node Copy(Node node, Dictionary<Node, Node> copies)
    {
        if (copies.TryGetValue(node, out Node? known)) return known;
        Node copy = node.Clone();
        copies.Add(node, copy);
        if (node is DirectoryNode source)
        {
            DirectoryNode target = (DirectoryNode)copy;
            foreach ((string name, Node child) in source.Names)
                target.Names.Add(name, Copy(child, copies));
            foreach ((string name, Node child) in source.DurableNames)
                target.DurableNames.Add(name, Copy(child, copies));
        }

        return copy;
    }

    private void LosePower(Prng random, CrashMode mode)
    {
        lock (Gate)
        {
            if (mode != CrashMode.DropUnsynced) KeepSomeNamesLocked(random);
            _unsyncedNames.Clear();
            HashSet<FileNode> crashed = [];
            SettleLocked(_root, crashed, random, mode);
        }
    }

    private void KeepSomeNamesLocked(Prng random)
    {
        int shape = random.NextInt(100);
        double lossPerChange = shape < 25 ? 0 : shape < 50 ? 1 : random.NextDouble() * 0.5;
        HashSet<DirectoryNode> lost = [];
        foreach (NameChange change in _unsyncedNames)
        {
            // Journals keep order: after the first lost change of a directory all later ones of it are lost too.
            if (!change.Touches(lost) && !random.Chance(lossPerChange))
            {
                change.ApplyDurably();
                continue;
            }

            foreach (NameChange.Assignment a in change.Assignments) lost.Add(a.Directory);
        }
    }

    private static void SettleLocked(DirectoryNode directory, HashSet<FileNode> crashed, Prng random, CrashMode mode)
    {
        directory.Names.Clear();
        foreach ((string name, Node node) in directory.DurableNames.OrderBy(e => e.Key, StringComparer.Ordinal))
        {
            directory.Names.Add(name, node);
            if (node is DirectoryNode child) SettleLocked(child, crashed, random, mode);
            else if (crashed.Add((FileNode)node)) ((FileNode)node).Crash(random.Fork(), mode);
        }
    }
}
