using Nori.Core;
using Nori.IO;
using Nori.Raft.Core;

namespace Nori.Raft.Adapters.Tests;

/// <summary>Snapshots in files: the newest whole one or the one before, whatever happens.</summary>
public sealed class FileSnapshotStoreTests
{
    [Fact]
    public void A_crash_before_any_call_leaves_the_snapshot_that_was_acknowledged_or_the_next_one()
    {
        for (long call = 0; ; call++)
        {
            MemoryFileSystem memory = new(1);
            FaultInjectingFileSystem files = new(memory);
            files.Add(new FaultRule { AfterCalls = call, Errno = 0, Action = _ => throw new StopException() });
            ulong acknowledged = 0;
            bool stopped = false;
            try
            {
                using FileSnapshotStore store = FileSnapshotStore.Open("/snapshots", files);
                for (ulong i = 1; i <= 4; i++)
                {
                    Put(store, i * 10, i % 2 == 0 ? SnapshotOrigin.Own : SnapshotOrigin.Received);
                    acknowledged = i * 10;
                }
            }
            catch (StopException)
            {
                stopped = true;
            }

            foreach (CrashMode mode in Enum.GetValues<CrashMode>())
                Check(memory.Crash((ulong)call, mode), acknowledged, $"stop before call {call}, {mode}");
            if (!stopped) break;
        }
    }

    [Fact]
    public void What_was_received_in_part_goes_on_after_a_restart()
    {
        MemoryFileSystem files = new(1);
        byte[] content = Content(10);
        uint checksum = Crc32C.Compute(content);
        using (FileSnapshotStore store = FileSnapshotStore.Open("/snapshots", files))
        using (ISnapshotStaging staging = store.Stage(Meta(10), SnapshotOrigin.Received, checksum))
            staging.Append(content.AsSpan(0, 3000));

        using FileSnapshotStore again = FileSnapshotStore.Open("/snapshots", files);
        Assert.Null(again.Latest);
        using ISnapshotStaging rest = again.Stage(Meta(10), SnapshotOrigin.Received, checksum);
        Assert.Equal(3000, rest.Length);
        rest.Append(content.AsSpan(3000));
        Assert.Equal(checksum, rest.ComputeChecksum());
        StoredSnapshot stored = rest.Commit(checksum);
        Assert.Equal(content, ReadAll(again, stored));
    }

    [Fact]
    public void An_older_one_does_not_take_the_place_of_a_newer_one_and_a_replaced_one_says_so()
    {
        using FileSnapshotStore store = FileSnapshotStore.Open("/snapshots", new MemoryFileSystem(1));
        StoredSnapshot first = Put(store, 10, SnapshotOrigin.Own);
        StoredSnapshot second = Put(store, 30, SnapshotOrigin.Received);
        Assert.Equal(second, Put(store, 20, SnapshotOrigin.Own));
        Assert.Equal(second, store.Latest);
        Assert.Equal(-1, store.Read(first, 0, new byte[10]));
        Assert.Equal(Content(30), ReadAll(store, second));
    }

    [Fact]
    public void A_damaged_trailer_is_named_and_any_bytes_of_one_are_a_trailer_or_refused()
    {
        MemoryFileSystem files = new(1);
        using (FileSnapshotStore store = FileSnapshotStore.Open("/snapshots", files)) Put(store, 10, SnapshotOrigin.Own);
        string path = "/snapshots/" + files.List("/snapshots").Single(n => n.EndsWith(".snapshot", StringComparison.Ordinal));
        long length = files.ReadAllBytes(path).Length, dataEnd = 8 + Content(10).Length;
        for (long at = 0; at < length; at++)
        {
            if (at is >= 8 && at < dataEnd) continue;
            MemoryFileSystem copy = files.Crash(1, CrashMode.ProcessOnly);
            using (IFile file = copy.Open(path, FileOpen.ReadWrite))
            {
                byte[] one = new byte[1];
                file.Read(at, one);
                one[0] ^= 0x10;
                file.Write(at, one);
            }

            Assert.Throws<CorruptionException>(() => FileSnapshotStore.Open("/snapshots", copy));
        }

        Prng random = new(3);
        byte[] trailer = SnapshotFile.Trailer(new StoredSnapshot(Meta(10), 100, 7))[..^8];
        for (int i = 0; i < 20_000; i++)
        {
            byte[] mutated = trailer[..random.NextInt(trailer.Length + 1)];
            if (mutated.Length > 0) mutated[random.NextInt(mutated.Length)] = (byte)random.NextUInt32();
            if (SnapshotFile.TryDecode(mutated, out StoredSnapshot? read)) Assert.True(read!.Bytes >= 0);
        }
    }

    private static void Check(MemoryFileSystem files, ulong acknowledged, string hint)
    {
        using FileSnapshotStore store = FileSnapshotStore.Open("/snapshots", files);
        ulong found = store.Latest?.Meta.Index.Value ?? 0;
        Assert.True(found == acknowledged || found == acknowledged + 10, $"{hint}: {found}, not {acknowledged}");
        if (store.Latest is not { } latest) return;
        Assert.Equal(Content(found), ReadAll(store, latest));
        Assert.Single(files.List("/snapshots"), n => n.EndsWith(".snapshot", StringComparison.Ordinal));
    }

    private static StoredSnapshot Put(FileSnapshotStore store, ulong index, SnapshotOrigin origin)
    {
        byte[] content = Content(index);
        uint checksum = Crc32C.Compute(content);
        using ISnapshotStaging staging = store.Stage(Meta(index), origin, origin == SnapshotOrigin.Own ? 0 : checksum);
        staging.Clear();
        staging.Append(content.AsSpan(0, 1000));
        staging.Append(content.AsSpan(1000));
        return staging.Commit(checksum);
    }

    private static byte[] ReadAll(FileSnapshotStore store, StoredSnapshot snapshot)
    {
        byte[] bytes = new byte[snapshot.Bytes];
        for (int at = 0; at < bytes.Length;)
        {
            int read = store.Read(snapshot, at, bytes.AsSpan(at, Math.Min(700, bytes.Length - at)));
            Assert.True(read > 0);
            at += read;
        }

        return bytes;
    }

    private static byte[] Content(ulong index)
    {
        byte[] content = new byte[5000 + (int)index];
        new Prng(index).Fill(content);
        return content;
    }

    private static SnapshotMeta Meta(ulong index) => new(
        new LogIndex(index), new Term(3), new ConfigurationEntry(new LogIndex(1), new Configuration([new ReplicaId(1)])));

    private sealed class StopException : Exception;
}
