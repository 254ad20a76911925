using Nori.Core;
using Nori.IO;
using Nori.Wal;

namespace NoriKV.TestKit.Simulation.Disks;

/// <summary>
/// One node's disk across its boots: a file system in memory behind rules that fail calls, and the crash that the next
/// fatal call will be.
/// </summary>
internal sealed class SimDisk
{
    private readonly Func<IFileSystem, IFileSystem> _wrap;
    private MemoryFileSystem _memory;
    private FaultInjectingFileSystem _faults;
    private MemoryFileSystem? _afterCrash;
    private long _syncs;
    private long _written;

    public SimDisk(ulong seed, Func<IFileSystem, IFileSystem> wrap)
    {
        _wrap = wrap;
        _memory = new MemoryFileSystem(seed);
        (_faults, Port) = Stack(_memory);
    }

    /// <summary>What the node of this boot writes to.</summary>
    public IFileSystem Port { get; private set; }

    /// <summary>The file system itself, for those who look at files.</summary>
    public IFileSystem Bare => _memory;

    /// <summary>True when a crash that was waiting for a call has happened.</summary>
    public bool HasCrashed => _afterCrash is not null;

    /// <summary>True while space is short.</summary>
    public bool IsLimited => _memory.CapacityBytes < 1L << 40;

    /// <summary>Syncs of files so far.</summary>
    public long Syncs => _syncs + _faults.Calls(FileOperation.Sync);

    /// <summary>Bytes written so far.</summary>
    public long BytesWritten => _written + _faults.BytesWritten;

    /// <summary>Calls that change something, in this boot.</summary>
    public long Mutations => _faults.Calls(FileOperation.Mutations);

    /// <summary>Adds a rule for this boot.</summary>
    public FaultRule Add(FaultRule rule) => _faults.Add(rule);

    /// <summary>The power fails at the n-th change from now; what the process does behind it reaches nothing.</summary>
    public void CrashAtCall(long calls, ulong seed, CrashMode mode, Action crashed) => _faults.Add(new FaultRule
    {
        AfterCalls = calls,
        Errno = 0,
        Action = _ =>
        {
            if (_afterCrash is not null) return;
            _afterCrash = _memory.Crash(seed, mode);
            _memory.PowerOff();
            crashed();
        },
    });

    /// <summary>Takes the disk from a process that is gone: as the crash left it, for the next boot.</summary>
    public void Crash(ulong seed, CrashMode mode)
    {
        MemoryFileSystem after = _afterCrash ?? _memory.Crash(seed, mode);
        _memory.PowerOff();
        after.CapacityBytes = _memory.CapacityBytes;
        Replace(after);
    }

    /// <summary>No call fails any more.</summary>
    public void Calm() => _faults.ClearRules();

    /// <summary>Room for so many bytes more; null for as much as anyone wants.</summary>
    public void Limit(long? freeBytes) =>
        _memory.CapacityBytes = freeBytes is { } free ? (1L << 40) - _memory.FreeBytes("/") + free : 1L << 40;

    /// <summary>Flips a bit of a file that lies still; says where, null when there is none of the kind.</summary>
    public string? Rot(Prng random, Func<string, bool> isMeant)
    {
        string[] files = [.. AllFiles().Where(f => isMeant(f) && Length(f) > 0)];
        if (files.Length == 0) return null;
        string file = files[random.NextInt(files.Length)];
        // Most of a log segment is zeros that nobody has written yet: those are the less interesting bytes.
        byte[] bytes = _memory.ReadAllBytes(file);
        int offset = random.NextInt(bytes.Length);
        if (random.Chance(0.9)) offset = (offset + Math.Max(0, bytes.AsSpan(offset).IndexOfAnyExcept((byte)0))) % bytes.Length;
        if (random.Chance(0.9) && bytes[offset] == 0) offset = Math.Max(0, bytes.AsSpan(0, offset + 1).LastIndexOfAnyExcept((byte)0));
        _memory.Corrupt(file, offset, (byte)(1 << random.NextInt(8)));
        return $"{file}+{offset}";
    }

    /// <summary>
    /// Destroys several sectors of one batch of a log that lies still, behind which the log says that it was durable: more than the
    /// batch can be put together from. Null when there is none.
    /// </summary>
    public string? RotWide(Prng random, string directory)
    {
        if (!_memory.DirectoryExists(directory)) return null;
        var batches = new List<WalBatchInspection>();
        WalInspection log = WalInspector.Inspect(_memory, directory, batches.Add);
        batches.RemoveAll(b => b.Position >= log.Durable || b.Records == 0);
        if (batches.Count == 0) return null;
        WalBatchInspection batch = batches[random.NextInt(batches.Count)];
        string file = log.Segments.First(s => s.Number == batch.Position.Segment).File;
        for (int offset = 0; offset < batch.Bytes; offset += 512)
            _memory.Corrupt(file, batch.Position.Offset + offset + random.NextInt(Math.Min(48, batch.Bytes - offset)), 0x10);
        return $"{file}+{batch.Position.Offset}, {batch.Bytes} bytes";
    }

    /// <summary>Every file, in order.</summary>
    public IEnumerable<string> AllFiles(string directory = "/")
    {
        foreach (string name in _memory.List(directory))
        {
            string path = directory == "/" ? "/" + name : $"{directory}/{name}";
            if (!_memory.DirectoryExists(path))
            {
                yield return path;
                continue;
            }

            foreach (string file in AllFiles(path)) yield return file;
        }
    }

    private long Length(string path)
    {
        using IFile file = _memory.Open(path, FileOpen.Read);
        return file.Length;
    }

    private void Replace(MemoryFileSystem memory)
    {
        _syncs = Syncs;
        _written = BytesWritten;
        _memory = memory;
        _afterCrash = null;
        (_faults, Port) = Stack(memory);
    }

    private (FaultInjectingFileSystem Faults, IFileSystem Port) Stack(MemoryFileSystem memory)
    {
        var faults = new FaultInjectingFileSystem(memory);
        return (faults, _wrap(faults));
    }
}
