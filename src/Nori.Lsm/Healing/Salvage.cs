using Nori.Lsm.Compaction;
using Nori.Lsm.Versions;
using Nori.SSTable;

namespace Nori.Lsm.Healing;

/// <summary>
/// Writes what a damaged table holds outside of ranges that are given up as a new table in its place: same level, same ages,
/// bounds within the old ones, so that everything the level promises still holds.
/// </summary>
internal static class Salvage
{
    /// <summary>Null when nothing is left.</summary>
    /// <exception cref="Nori.IO.CorruptionException">There is damage outside of the ranges; nothing was written.</exception>
    public static TableMeta? Write(
        LsmOptions options, TableStore store, TableMeta damaged, int level, ulong number,
        IReadOnlyList<(ReadOnlyMemory<byte> Start, ReadOnlyMemory<byte> End)> lost)
    {
        TableOutput? output = null;
        try
        {
            using (TableReader reader = store.OpenApart(damaged))
            {
                using TableIterator entries = reader.NewIterator(TableReadOptions.Compaction);
                ReadOnlyMemory<byte> from = damaged.Smallest;
                bool isOver = false;
                foreach ((ReadOnlyMemory<byte> start, ReadOnlyMemory<byte> end) in lost)
                {
                    isOver = !Copy(entries, from, start);
                    from = end;
                    if (isOver) break;
                }

                if (!isOver) Copy(entries, from, null);

                // Behind the entries: the least key of the table is that of its first entry, or of a range delete below it.
                foreach (RangeDelete r in reader.RangeDeletes)
                {
                    Output().AddRangeDelete(r.Start.ToArray(), r.End.ToArray(), r.Sequence);
                }
            }

            if (output is null) return null;
            TableMeta written = output.Finish() with
            {
                GlobalSequence = damaged.GlobalSequence,
                SmallestSequence = damaged.SmallestSequence,
                LargestSequence = damaged.LargestSequence,
            };
            options.FileSystem.SyncDirectory(options.Directory);
            return written;
        }
        catch
        {
            output?.Abandon();
            throw;
        }
        finally
        {
            output?.Dispose();
        }

        TableOutput Output() => output ??= new TableOutput(options, store, number, level);

        // False when nothing lies at or behind the range.
        bool Copy(TableIterator entries, ReadOnlyMemory<byte> start, ReadOnlyMemory<byte>? end)
        {
            if (end is { } none && start.Span.SequenceCompareTo(none.Span) >= 0) return true;
            entries.Seek(start.Span);
            for (; entries.Valid; entries.Next())
            {
                if (end is { } bound && entries.UserKey.SequenceCompareTo(bound.Span) >= 0) return true;
                Output().Add(entries.UserKey, Trailer.Make(entries.Sequence, entries.Kind), entries.Value);
            }

            return false;
        }
    }
}
