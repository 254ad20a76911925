using Nori.Core;
using Nori.IO;

namespace Nori.Wal;

/// <summary>A live segment and its open file. Shared by the writer and by readers on other threads.</summary>
internal sealed class SegmentFile : IDisposable
{
    private long _end;
    private volatile bool _released;

    public SegmentFile(SegmentHeader header, string path, IFile file, long end)
    {
        Header = header;
        Path = path;
        File = file;
        _end = end;
    }

    public SegmentHeader Header { get; }

    public ulong Number => Header.Number;

    public ulong Epoch => Header.Epoch;

    public string Path { get; }

    public IFile File { get; }

    /// <summary>Behind the last batch; only the writer moves it.</summary>
    public long End
    {
        get => Volatile.Read(ref _end);
        set
        {
            Invariant.Assert(value >= WalFormat.FirstBatchOffset);
            Volatile.Write(ref _end, value);
        }
    }

    /// <summary>True once the segment was deleted or the log closed: reading it may fail.</summary>
    public bool Released => _released;

    public SegmentInfo Info => new(Number, Epoch, Path, End);

    public void Dispose()
    {
        _released = true;
        File.Dispose();
    }
}
