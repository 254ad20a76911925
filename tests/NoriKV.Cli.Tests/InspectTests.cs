using System.Text.Json;
using Nori.IO;
using Nori.Lsm;
using Nori.SSTable;
using Nori.Wal;

namespace NoriKV.Cli.Tests;

public sealed class InspectTests : IDisposable
{
    private readonly CliRunner _cli = new();

    public void Dispose() => _cli.Dispose();

    [Fact]
    public async Task A_directory_without_tables_is_not_called_sound()
    {
        Assert.Equal(2, await _cli.RunAsync(["inspect", "sst", _cli.Folder]));
        Assert.Contains("no table file", _cli.Error);
        await using (LsmEngine engine = await LsmEngine.OpenAsync(new LsmOptions { Directory = _cli.File("engine") }))
        {
            await engine.PutAsync("a"u8.ToArray(), "1"u8.ToArray());
            await engine.FlushAsync();
        }

        // The data directory of a node has its engine inside.
        Assert.Equal(0, await _cli.RunAsync(["inspect", "sst", _cli.Folder, "--json"]));
        Assert.Equal(1, JsonDocument.Parse(_cli.Output).RootElement.GetProperty("tables").GetArrayLength());
    }

    [Fact]
    public async Task A_log_shows_its_segments_and_records_and_damage_with_file_and_offset()
    {
        string directory = _cli.File("log");
        using (WalLog log = WalLog.Open(new WalOptions { Directory = directory }, out _))
        {
            for (int i = 0; i < 3; i++)
            {
                var batch = new WalBatch();
                batch.Add(7, System.Text.Encoding.UTF8.GetBytes($"payload {i}\n"));
                log.Append(batch);
                log.Sync();
            }

            log.Close();
        }

        // The data directory of a node has its log inside.
        Assert.Equal(0, await _cli.RunAsync(["inspect", "wal", _cli.Folder, "--records"]));
        Assert.Contains("payload 2\\n", _cli.Output);
        Assert.EndsWith("sound\n", _cli.Output);
        Assert.Equal(0, await _cli.RunAsync(["inspect", "wal", directory, "--records", "--batches", "--json"]));
        JsonElement root = JsonDocument.Parse(_cli.Output).RootElement;
        Assert.Equal(3, root.GetProperty("records").GetArrayLength());
        Assert.Equal(7, root.GetProperty("records")[0].GetProperty("type").GetInt32());
        string second = root.GetProperty("records")[1].GetProperty("position").GetString()!;

        string file = Directory.GetFiles(directory, "*.wal").Single();
        byte[] bytes = await File.ReadAllBytesAsync(file);
        int at = bytes.AsSpan().IndexOf("payload 1"u8);
        bytes[at] ^= 1;
        await File.WriteAllBytesAsync(file, bytes);
        Assert.Equal(1, await _cli.RunAsync(["inspect", "wal", directory]));
        Assert.Contains($"!! Corruption in {file} at offset", _cli.Output);
        Assert.EndsWith("CORRUPT\n", _cli.Output);
        Assert.NotEmpty(second);
    }

    [Fact]
    public async Task A_table_shows_its_blocks_and_entries_and_damage_with_file_and_offset()
    {
        string file = _cli.File("000001.sst");
        using (var builder = new TableBuilder(DiskFileSystem.Instance, file, new TableOptions()))
        {
            for (int i = 0; i < 500; i++)
            {
                builder.Add(System.Text.Encoding.UTF8.GetBytes($"key{i:d4}"), 1, Nori.SSTable.EntryKind.Put, new byte[100]);
            }

            builder.Finish();
        }

        Assert.Equal(0, await _cli.RunAsync(["inspect", "sst", file, "--entries", "--json"]));
        JsonElement root = JsonDocument.Parse(_cli.Output).RootElement;
        Assert.Equal(500, root.GetProperty("entries").GetArrayLength());
        Assert.True(root.GetProperty("blocks").GetArrayLength() > 5);
        Assert.Equal(0, await _cli.RunAsync(["inspect", "sst", _cli.Folder]));
        Assert.Contains("key0499", _cli.Output);

        byte[] bytes = await File.ReadAllBytesAsync(file);
        bytes[100] ^= 1;
        await File.WriteAllBytesAsync(file, bytes);
        Assert.Equal(1, await _cli.RunAsync(["inspect", "sst", file]));
        Assert.Contains($"!! Corruption in {file} at offset 0", _cli.Output);
        Assert.Equal(1, await _cli.RunAsync(["inspect", "sst", _cli.Folder, "--json"]));
        Assert.False(JsonDocument.Parse(_cli.Output).RootElement.GetProperty("sound").GetBoolean());
    }

    [Fact]
    public async Task An_engine_shows_its_manifest_levels_and_tables_and_damage_with_file_and_offset()
    {
        string directory = _cli.File("engine");
        await using (LsmEngine engine = await LsmEngine.OpenAsync(new LsmOptions { Directory = directory }))
        {
            for (int i = 0; i < 300; i++) await engine.PutAsync(System.Text.Encoding.UTF8.GetBytes($"key{i:d3}"), new byte[50]);
            await engine.FlushAsync();
        }

        // The data directory of a node has its engine inside.
        Assert.Equal(0, await _cli.RunAsync(["inspect", "lsm", _cli.Folder, "--verify"]));
        Assert.Contains("key299", _cli.Output);
        Assert.Equal(0, await _cli.RunAsync(["inspect", "manifest", directory, "--json"]));
        Assert.True(JsonDocument.Parse(_cli.Output).RootElement.GetProperty("edits").GetArrayLength() >= 1);

        string table = Directory.GetFiles(directory, "*.sst").Single();
        byte[] bytes = await File.ReadAllBytesAsync(table);
        bytes[50] ^= 1;
        await File.WriteAllBytesAsync(table, bytes);
        Assert.Equal(1, await _cli.RunAsync(["inspect", "lsm", directory, "--verify"]));
        Assert.Contains($"!! Corruption in {table} at offset 0", _cli.Output);
        string manifest = Directory.GetFiles(directory, "MANIFEST-*").Single();
        bytes = await File.ReadAllBytesAsync(manifest);
        // The header is there twice.
        bytes[2] ^= 1;
        bytes[32 + 2] ^= 1;
        await File.WriteAllBytesAsync(manifest, bytes);
        Assert.Equal(1, await _cli.RunAsync(["inspect", "manifest", directory]));
        Assert.Contains($"!! Corruption in {manifest} at offset 0", _cli.Output);
    }

    [Fact]
    public async Task A_table_that_no_manifest_names_is_an_orphan_and_no_damage()
    {
        string directory = _cli.File("engine");
        await using (LsmEngine engine = await LsmEngine.OpenAsync(new LsmOptions { Directory = directory }))
        {
            await engine.PutAsync("a"u8.ToArray(), "1"u8.ToArray());
            await engine.FlushAsync();
        }

        // The table that a stop left unfinished, under the next number and shorter than a footer.
        string table = Directory.GetFiles(directory, "*.sst").Single();
        string number = Path.GetFileNameWithoutExtension(table);
        string left = Path.Combine(directory, new string('0', number.Length - 2) + "99.sst");
        await File.WriteAllBytesAsync(left, new byte[10]);
        Assert.Equal(0, await _cli.RunAsync(["inspect", "sst", directory]));
        Assert.Contains($"-- Orphan in {left} at offset 0: orphan (deleted at the next open)", _cli.Output);

        // What the manifest names must still be whole.
        await File.WriteAllBytesAsync(table, new byte[10]);
        Assert.Equal(1, await _cli.RunAsync(["inspect", "sst", directory]));
    }

    [Fact]
    public async Task What_is_not_there_is_a_usage_error()
    {
        Assert.Equal(2, await _cli.RunAsync(["inspect", "wal", _cli.File("nowhere")]));
        Assert.Equal(2, await _cli.RunAsync(["inspect"]));
    }

    [Fact]
    public async Task The_log_of_an_engines_directory_is_a_usage_error_that_says_where_it_is()
    {
        string own = _cli.File("own"), owned = _cli.File("owned");
        await using (await LsmEngine.OpenAsync(new LsmOptions { Directory = own })) { }
        await using (await LsmEngine.OpenAsync(new LsmOptions { Directory = owned, WriteAheadLog = LsmWalMode.None })) { }
        Assert.Equal(2, await _cli.RunAsync(["inspect", "wal", own]));
        Assert.Contains($"norikv inspect wal {Path.Combine(own, "wal")}", _cli.Error);
        Assert.Equal(0, await _cli.RunAsync(["inspect", "wal", Path.Combine(own, "wal")]));
        Assert.Equal(2, await _cli.RunAsync(["inspect", "wal", owned]));
        Assert.Contains("without a log of its own", _cli.Error);
    }

    [Fact]
    public async Task A_scrub_checks_tables_manifest_and_log_and_goes_on_where_it_is_told_to()
    {
        string directory = _cli.File("engine");
        await using (LsmEngine engine = await LsmEngine.OpenAsync(new LsmOptions
        {
            Directory = directory, WriteAheadLog = LsmWalMode.None,
        }))
        {
            for (int table = 0; table < 3; table++)
            {
                for (int i = 0; i < 200; i++) await engine.PutAsync(BitConverter.GetBytes(i), new byte[100]);
                await engine.FlushAsync();
            }
        }

        using (WalLog log = WalLog.Open(new WalOptions { Directory = _cli.File("log") }, out _)) log.Close();
        Assert.Equal(0, await _cli.RunAsync(["inspect", "scrub", _cli.Folder, "--json"]));
        JsonElement scrub = JsonDocument.Parse(_cli.Output).RootElement.GetProperty("scrub")[0];
        Assert.Equal(3, scrub.GetProperty("tables").GetInt32());
        Assert.Equal(1, scrub.GetProperty("log_segments").GetInt32());
        Assert.True(scrub.GetProperty("complete").GetBoolean());

        string[] tables = [.. Directory.GetFiles(directory, "*.sst").Order(StringComparer.Ordinal)];
        byte[] bytes = await File.ReadAllBytesAsync(tables[1]);
        bytes[50] ^= 8;
        await File.WriteAllBytesAsync(tables[1], bytes);
        Assert.Equal(1, await _cli.RunAsync(["inspect", "scrub", _cli.Folder]));
        Assert.Contains($"!! Corruption in {tables[1]} at offset 0", _cli.Output);
        Assert.Contains("checked 0 MiB", _cli.Error);
        string through = Path.GetFileNameWithoutExtension(tables[1]);
        Assert.Equal(0, await _cli.RunAsync(["inspect", "scrub", directory, "--from", through, "--rate", "100"]));
    }

    [Fact]
    public async Task A_scrub_leaves_a_directory_alone_that_is_in_use()
    {
        await using LsmEngine engine = await LsmEngine.OpenAsync(new LsmOptions { Directory = _cli.File("engine") });
        Assert.Equal(2, await _cli.RunAsync(["inspect", "scrub", _cli.Folder]));
        Assert.Contains("in use", _cli.Error);
    }
}
