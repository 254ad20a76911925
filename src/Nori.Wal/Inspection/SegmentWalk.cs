using Nori.IO;

namespace Nori.Wal;

/// <summary>How far an inspection is in one segment.</summary>
internal sealed class SegmentWalk(IFile file, SegmentHeader header, SegmentHeader? next) : IDisposable
{
    public IFile File { get; } = file;

    public SegmentHeader Header { get; } = header;

    public SegmentScanner Scanner { get; } = new(file, header.Epoch);

    /// <summary>Where the segment ends: the next one's header says so.</summary>
    public long Limit { get; } = next?.PreviousEnd ?? file.Length;

    public bool IsLast { get; } = next is null;

    public long At { get; set; } = WalFormat.FirstBatchOffset;

    /// <summary>The end of the last whole batch.</summary>
    public long Used { get; set; } = WalFormat.FirstBatchOffset;

    public long Batches { get; set; }

    public long Records { get; set; }

    public void Dispose()
    {
        Scanner.Dispose();
        File.Dispose();
    }
}
