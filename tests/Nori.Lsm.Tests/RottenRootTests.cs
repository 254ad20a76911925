using Nori.IO;

namespace Nori.Lsm.Tests;

/// <summary>
/// D3, D13: an engine whose CURRENT or manifest is damaged serves all its data or names the damage; it never opens empty
/// or as it once was.
/// </summary>
public sealed class RottenRootTests
{
    private readonly MemoryFileSystem _files = new(8);

    [Fact]
    public void Any_single_flipped_bit_of_current_or_of_a_manifest_of_many_edits_loses_nothing()
    {
        SortedDictionary<string, string> expected = Fill();
        foreach (string path in Roots())
        {
            int bytes = _files.ReadAllBytes(path).Length;
            for (int bit = 0; bit < 8 * bytes; bit++)
            {
                MemoryFileSystem files = _files.Clone();
                files.Corrupt(path, bit / 8, (byte)(1 << (bit % 8)));
                using var scope = new LsmEngineScope(Options(files));
                Assert.Equal(expected, Workload.Read(scope.Engine));
            }
        }
    }

    [Fact]
    public void A_current_or_manifest_cut_anywhere_is_survived_or_named_before_anything_is_deleted()
    {
        SortedDictionary<string, string> expected = Fill();
        int refused = 0;
        foreach (string path in Roots())
        {
            int bytes = _files.ReadAllBytes(path).Length;
            for (int length = 0; length < bytes; length++)
            {
                MemoryFileSystem files = _files.Clone();
                using (IFile file = files.Open(path, FileOpen.ReadWrite)) file.SetLength(length);
                IReadOnlyList<string> before = files.List("/db");
                try
                {
                    using var scope = new LsmEngineScope(Options(files));
                    Assert.Equal(expected, Workload.Read(scope.Engine));
                }
                catch (CorruptionException e)
                {
                    Assert.StartsWith("/db/", e.File, StringComparison.Ordinal);
                    Assert.Equal(before, files.List("/db"));
                    refused++;
                }
            }
        }

        Assert.NotEqual(0, refused);
    }

    [Fact]
    public void A_missing_current_or_manifest_is_named()
    {
        Fill();
        foreach (string path in Roots())
        {
            MemoryFileSystem files = _files.Clone();
            files.Delete(path);
            Assert.Equal(path, Assert.Throws<CorruptionException>(() => LsmEngine.Open(Options(files))).File);
        }
    }

    private static LsmOptions Options(IFileSystem files) => Workload.Small(files);

    private List<string> Roots() =>
        ["/db/CURRENT", $"/db/{_files.List("/db").Single(name => name.StartsWith("MANIFEST", StringComparison.Ordinal))}"];

    private SortedDictionary<string, string> Fill()
    {
        using var scope = new LsmEngineScope(Options(_files));
        // Enough for the log's first segment to go: then only the newest edit says all.
        for (int i = 0; i < 4; i++)
        {
            var batch = new WriteBatch();
            batch.Put(Keys.Number(i), new byte[3000]);
            scope.Engine.Write(batch);
            Workload.Wait(scope.Engine.FlushAsync(), scope.Engine);
        }

        Assert.DoesNotContain("00000000000000000001.wal", _files.List("/db/wal"));
        return Workload.Read(scope.Engine);
    }
}
