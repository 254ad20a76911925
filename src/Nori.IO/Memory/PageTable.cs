using Nori.Core;

namespace Nori.IO;

/// <summary>
/// A file's bytes in pages of 4 KiB, 64 pages a chunk; absent pages are zeros. <see cref="Snapshot"/> shares
/// everything and costs nothing: chunks and pages carry the table that may change them, and others copy before
/// they write.
/// </summary>
internal sealed class PageTable
{
    private const int PageBytes = 4096;
    private const int ChunkPages = 64;
    private const long ChunkBytes = PageBytes * ChunkPages;

    private Chunk?[] _chunks = [];
    private bool _sharesArray;
    private object _owner = new();

    public PageTable Snapshot()
    {
        // Both sides become strangers to the pages of now: whoever writes first to one copies it.
        _owner = new object();
        _sharesArray = true;
        return new PageTable { _chunks = _chunks, _sharesArray = true };
    }

    public void Read(long offset, Span<byte> target)
    {
        while (!target.IsEmpty)
        {
            int within = (int)(offset % PageBytes);
            int count = Math.Min(target.Length, PageBytes - within);
            Page? page = Find(offset);
            if (page is null) target[..count].Clear();
            else page.Bytes.AsSpan(within, count).CopyTo(target);
            target = target[count..];
            offset += count;
        }
    }

    public void Write(long offset, ReadOnlySpan<byte> source)
    {
        while (!source.IsEmpty)
        {
            int within = (int)(offset % PageBytes);
            int count = Math.Min(source.Length, PageBytes - within);
            ReadOnlySpan<byte> piece = source[..count];
            if (Find(offset) is not null || piece.ContainsAnyExcept((byte)0))
                piece.CopyTo(Own(offset).Bytes.AsSpan(within));
            source = source[count..];
            offset += count;
        }
    }

    public void Zero(long offset, long count)
    {
        long end = Math.Min(offset + count, _chunks.Length * ChunkBytes);
        while (offset < end)
        {
            int within = (int)(offset % PageBytes);
            int piece = (int)Math.Min(end - offset, PageBytes - within);
            if (Find(offset) is not null)
            {
                if (piece == PageBytes) OwnChunk(offset).Pages[PageIndex(offset)] = null;
                else Own(offset).Bytes.AsSpan(within, piece).Clear();
            }

            offset += piece;
        }
    }

    private static int PageIndex(long offset) => (int)(offset / PageBytes % ChunkPages);

    private Page? Find(long offset)
    {
        long chunk = offset / ChunkBytes;
        return chunk < _chunks.Length ? _chunks[chunk]?.Pages[PageIndex(offset)] : null;
    }

    private Page Own(long offset)
    {
        ref Page? page = ref OwnChunk(offset).Pages[PageIndex(offset)];
        if (page is null)
        {
            page = new Page(_owner, new byte[PageBytes]);
        }
        else if (page.Owner != _owner)
        {
            page = new Page(_owner, page.Bytes.AsSpan().ToArray());
        }

        return page;
    }

    private Chunk OwnChunk(long offset)
    {
        int index = checked((int)(offset / ChunkBytes));
        if (index >= _chunks.Length)
        {
            Array.Resize(ref _chunks, Math.Max(index + 1, _chunks.Length * 2));
            _sharesArray = false;
        }
        else if (_sharesArray)
        {
            _chunks = _chunks.AsSpan().ToArray();
            _sharesArray = false;
        }

        ref Chunk? chunk = ref _chunks[index];
        if (chunk is null) chunk = new Chunk(_owner, new Page?[ChunkPages]);
        else if (chunk.Owner != _owner) chunk = new Chunk(_owner, chunk.Pages.AsSpan().ToArray());
        Invariant.Assert(chunk.Owner == _owner);
        return chunk;
    }

    private sealed record Page(object Owner, byte[] Bytes);

    private sealed record Chunk(object Owner, Page?[] Pages);
}
