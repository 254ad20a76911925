using Nori.IO;

namespace Nori.Lsm.Tests;

public sealed class InspectorTests
{
    private readonly MemoryFileSystem _files = new(8);

    [Fact]
    public void It_shows_edits_tables_and_orphans_and_changes_nothing()
    {
        Fill();
        using (IFile orphan = _files.Open("/db/00000999.sst", FileOpen.CreateNew)) orphan.Write(0, [1]);
        IReadOnlyList<string> before = _files.List("/db");
        LsmInspection found = LsmInspector.Inspect(_files, "/db", verify: true);
        Assert.True(found.IsSound, string.Join("; ", found.Damage));
        Assert.NotEmpty(found.Tables);
        Assert.Equal(["00000999.sst"], found.Orphans);
        Assert.True(found.LastSequence > 0);
        Assert.Contains("levels 4", found.Manifest.Edits[0].Description, StringComparison.Ordinal);
        Assert.True(found.Manifest.Edits.Count > 1);
        Assert.Equal(before, _files.List("/db"));
    }

    [Fact]
    public void It_marks_damage_with_file_and_offset()
    {
        Fill();
        LsmTableInfo table = LsmInspector.Inspect(_files, "/db").Tables[0];
        _files.Corrupt(table.Path, 3, 1);
        Assert.True(LsmInspector.Inspect(_files, "/db").IsSound);
        LsmDamage damage = Assert.Single(LsmInspector.Inspect(_files, "/db", verify: true).Damage);
        Assert.Equal((table.Path, 0L), (damage.File, damage.Offset));
        _files.Delete(table.Path);
        Assert.Equal(table.Path, Assert.Single(LsmInspector.Inspect(_files, "/db").Damage).File);
        _files.Corrupt("/db/CURRENT", 1, 1);
        _files.Corrupt("/db/CURRENT", 33, 1);
        Assert.Equal("/db/CURRENT", Assert.Single(LsmInspector.InspectManifest(_files, "/db").Damage).File);
        Assert.NotEmpty(LsmInspector.Inspect(_files, "/none").Damage);
    }

    private void Fill()
    {
        using var scope = new LsmEngineScope(Workload.Small(_files));
        for (int i = 0; i < 100; i++)
        {
            var batch = new WriteBatch();
            batch.Put(Keys.Number(i), new byte[50]);
            scope.Engine.Write(batch);
        }

        Workload.Wait(scope.Engine.FlushAsync(), scope.Engine);
    }
}
