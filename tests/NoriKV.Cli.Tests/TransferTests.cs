using System.Text;
using NoriKV.Cli.Formats;
using NoriKV.Cli.Transfer;
using NoriKV.Client;
using NoriKV.Types;

namespace NoriKV.Cli.Tests;

public sealed class TransferTests : IDisposable
{
    private readonly CliRunner _cli = new();

    public void Dispose() => _cli.Dispose();

    [Fact]
    public async Task An_export_equals_the_sorted_import_byte_for_byte()
    {
        string[] lines = [.. Enumerable.Range(0, 5000).Select(
            i => $"{{\"key\":\"k{(i * 7919) % 5000:d4}\",\"value\":\"v \\\"{i}\\\"\\n é\"}}")];
        await File.WriteAllLinesAsync(_cli.File("in.jsonl"), lines);
        Assert.Equal(0, await _cli.RunAsync(["import", _cli.File("in.jsonl")]));
        Assert.Equal(5000, _cli.Store.Count);
        Assert.False(File.Exists(ImportCheckpoint.PathOf(_cli.File("in.jsonl"))));
        Assert.Equal(0, await _cli.RunAsync(["export", _cli.File("out.jsonl")]));
        Assert.Equal(
            lines.Order(StringComparer.Ordinal), await File.ReadAllLinesAsync(_cli.File("out.jsonl")));
        Assert.Equal(0, await _cli.RunAsync(["export", "-", "--format", "tsv", "--base64", "--prefix", "k000"]));
        Assert.Equal(10, _cli.Output.TrimEnd('\n').Split('\n').Length);
    }

    [Fact]
    public async Task Standard_input_is_imported()
    {
        Assert.Equal(0, await _cli.RunAsync(["import", "-", "--format", "tsv"], "a\t1\nb\t2\n"u8.ToArray()));
        Assert.Equal(2, _cli.Store.Count);
        Assert.Contains("imported 2 records", _cli.Error);
    }

    [Fact]
    public async Task A_bad_line_stops_the_import_with_its_number_and_everything_before_it_is_in()
    {
        await File.WriteAllTextAsync(_cli.File("in.tsv"), "a\t1\nb\t2\nrubbish\nc\t3\n");
        Assert.Equal(1, await _cli.RunAsync(["import", _cli.File("in.tsv")]));
        Assert.Contains("line 3: there is no tab", _cli.Error);
        Assert.Equal(2, _cli.Store.Count);
        await File.WriteAllTextAsync(_cli.File("in.tsv"), "a\t1\nb\t2\nmended\t\nc\t3\n");
        Assert.Equal(0, await _cli.RunAsync(["import", _cli.File("in.tsv")]));
        Assert.Equal(4, _cli.Store.Count);
    }

    [Fact]
    public async Task Bad_lines_can_be_skipped_and_still_exit_with_1()
    {
        await File.WriteAllTextAsync(_cli.File("in.tsv"), "a\t1\nrubbish\n" + new string('x', 2000) + "\tv\nc\t3\n");
        Assert.Equal(1, await _cli.RunAsync(["import", _cli.File("in.tsv"), "--skip-bad-lines", "--json"]));
        Assert.Contains("line 2: ", _cli.Error);
        Assert.Contains("line 3: Key size 2000 exceeds limit 1024", _cli.Error);
        Assert.Equal("{\"records\":2,\"bad_lines\":2,\"lines\":4,\"complete\":true}\n", _cli.Output);
    }

    [Fact]
    public async Task Of_two_lines_with_one_key_the_later_wins_whatever_the_store_does()
    {
        int calls = 0;
        _cli.Store.OnPut = async _ =>
        {
            // Earlier puts take longer.
            int mine = Interlocked.Increment(ref calls);
            for (int i = 0; i < 200 - mine; i++) await Task.Yield();
        };
        await File.WriteAllLinesAsync(_cli.File("in.tsv"), Enumerable.Range(0, 200).Select(i => $"k{i % 3}\t{i}"));
        Assert.Equal(0, await _cli.RunAsync(["import", _cli.File("in.tsv")]));
        Assert.Equal("198", await _cli.Store.GetStringAsync("k0"));
        Assert.Equal("199", await _cli.Store.GetStringAsync("k1"));
    }

    [Fact]
    public async Task An_interrupted_import_goes_on_and_loses_nothing()
    {
        string[] lines = [.. Enumerable.Range(0, 1000).Select(i => $"key{i:d4}\tvalue{i}")];
        await File.WriteAllLinesAsync(_cli.File("in.tsv"), lines);
        int runs = 0;
        for (int exit = -1; exit != 0; runs++)
        {
            Assert.InRange(runs, 0, 20);
            int left = 150;
            _cli.Store.OnPut = _ => Interlocked.Decrement(ref left) < 0
                ? throw NoriKVException.From(new KvError(KvCode.Unavailable, "gone"))
                : Task.CompletedTask;
            exit = await _cli.RunAsync(["import", _cli.File("in.tsv"), "--concurrency", "16"]);
            Assert.Contains(exit, new[] { 0, 3 });
            if (exit != 0) Assert.Contains("goes on from there", _cli.Error);
        }

        Assert.InRange(runs, 6, 8);
        Assert.Equal(1000, _cli.Store.Count);
        await _cli.RunAsync(["export", "-", "--format", "tsv"]);
        Assert.Equal(string.Join('\n', lines) + "\n", _cli.Output);
    }

    [Fact]
    public async Task A_checkpoint_of_another_file_is_not_used()
    {
        await File.WriteAllTextAsync(_cli.File("in.tsv"), "a\t1\nrubbish\n");
        await _cli.RunAsync(["import", _cli.File("in.tsv")]);
        await File.WriteAllTextAsync(_cli.File("in.tsv"), "x\t1\ny\t2\n");
        Assert.Equal(0, await _cli.RunAsync(["import", _cli.File("in.tsv")]));
        Assert.DoesNotContain("resuming", _cli.Error);
        Assert.Equal("1", await _cli.Store.GetStringAsync("x"));
    }

    [Fact]
    public async Task An_export_goes_on_behind_its_last_whole_line()
    {
        for (int i = 0; i < 100; i++) await _cli.Store.PutAsync($"p{i:d3}", $"v{i}");
        await _cli.Store.PutAsync("q", "other");
        await _cli.RunAsync(["export", _cli.File("whole.tsv"), "--prefix", "p"]);
        byte[] whole = await File.ReadAllBytesAsync(_cli.File("whole.tsv"));
        foreach (int cut in new[] { 0, 3, 40, 41, 500, whole.Length - 1, whole.Length })
        {
            await File.WriteAllBytesAsync(_cli.File("part.tsv"), whole[..cut]);
            Assert.Equal(2, await _cli.RunAsync(["export", _cli.File("part.tsv"), "--prefix", "p"]));
            Assert.Equal(0, await _cli.RunAsync(["export", _cli.File("part.tsv"), "--prefix", "p", "--resume"]));
            Assert.Equal(whole, await File.ReadAllBytesAsync(_cli.File("part.tsv")));
        }
    }

    [Fact]
    public async Task A_file_of_another_kind_is_not_continued()
    {
        await File.WriteAllTextAsync(_cli.File("notes.tsv"), "my notes\n");
        Assert.Equal(1, await _cli.RunAsync(["export", _cli.File("notes.tsv"), "--resume"]));
        Assert.Equal("my notes\n", await File.ReadAllTextAsync(_cli.File("notes.tsv")));
    }

    [Fact]
    public async Task Cancelling_leaves_a_checkpoint_of_what_is_in()
    {
        using var cancel = new CancellationTokenSource();
        var saved = default(ImportProgress);
        int calls = 0;
        _cli.Store.OnPut = _ =>
        {
            if (++calls == 500) cancel.Cancel();
            return Task.CompletedTask;
        };
        var importer = new Importer(_cli.Store, new ImportOptions { Format = RecordFormat.Tsv }, TimeProvider.System)
        {
            OnCheckpoint = p => saved = p,
        };
        byte[] input = Encoding.UTF8.GetBytes(string.Concat(Enumerable.Range(0, 100_000).Select(i => $"k{i}\tv\n")));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(
            () => importer.RunAsync(new MemoryStream(input), default, cancel.Token));
        Assert.Equal(_cli.Store.Count, saved.Records);
        Assert.Equal(saved.Records, saved.Line);
        Assert.Equal((byte)'\n', input[saved.Offset - 1]);
    }
}
