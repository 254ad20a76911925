using Nori.IO;

namespace Nori.SSTable.Tests;

/// <summary>
/// Format 1 byte by byte: a change here is a change of the format, and needs a new version.
/// </summary>
public sealed class GoldenTests
{
    [Fact]
    public void The_example_of_the_format_document_is_what_is_written()
    {
        MemoryFileSystem fileSystem = Model.NewFileSystem();
        using (var builder = new TableBuilder(fileSystem, Model.Path, new TableOptions { TableId = 7 }))
        {
            builder.Add("apple"u8, 3, EntryKind.Put, "red"u8);
            builder.Add("apple"u8, 1, EntryKind.Delete, default);
            builder.Add("apricot"u8, 2, EntryKind.Put, "x"u8);
            builder.AddRangeDelete("b"u8, "c"u8, 4);
            builder.Finish();
        }

        byte[] bytes = Model.ReadFile(fileSystem);
        string[] document = [.. Document()];
        Assert.Equal(string.Concat(document), Convert.ToHexStringLower(bytes));
    }

    // The hexadecimal column of the example: lines that begin with an offset and '|'.
    private static IEnumerable<string> Document()
    {
        string directory = AppContext.BaseDirectory;
        while (!File.Exists(Path.Combine(directory, "NoriKV.slnx")))
            directory = Path.GetDirectoryName(directory)!;
        foreach (string line in File.ReadLines(Path.Combine(directory, "docs/formats/sstable.md")))
        {
            string[] columns = line.Split('|');
            if (columns.Length == 3 && int.TryParse(columns[0].Trim(), out _))
                yield return columns[1].Replace(" ", "", StringComparison.Ordinal);
        }
    }
}
