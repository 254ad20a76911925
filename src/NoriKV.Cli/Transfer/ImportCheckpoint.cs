using System.Text.Json;
using Nori.Core;
using NoriKV.Cli.Console;

namespace NoriKV.Cli.Transfer;

/// <summary>Where an import of a file was, kept beside it until it is through.</summary>
internal static class ImportCheckpoint
{
    private const int HeadBytes = 4096;

    /// <summary>The default place of a file's checkpoint.</summary>
    public static string PathOf(string input) => input + ".norikv-import";

    /// <summary>Reads a checkpoint; false when there is none or it belongs to another content.</summary>
    public static bool TryLoad(string path, Stream input, out ImportProgress progress)
    {
        progress = default;
        if (!File.Exists(path)) return false;
        try
        {
            using JsonDocument json = JsonDocument.Parse(File.ReadAllBytes(path));
            JsonElement root = json.RootElement;
            progress = new ImportProgress(
                root.GetProperty("records").GetInt64(),
                root.GetProperty("line").GetInt64(),
                root.GetProperty("offset").GetInt64(),
                root.GetProperty("bad_lines").GetInt64());
            return root.GetProperty("head").GetString() == Head(input) && progress.Offset <= input.Length;
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException)
        {
            return false;
        }
    }

    /// <summary>Replaces the checkpoint.</summary>
    public static void Save(string path, Stream input, ImportProgress progress)
    {
        string text = JsonOutput.Line(w =>
        {
            w.WriteNumber("records", progress.Records);
            w.WriteNumber("line", progress.Line);
            w.WriteNumber("offset", progress.Offset);
            w.WriteNumber("bad_lines", progress.BadLines);
            w.WriteString("head", Head(input));
        });
        // A checkpoint lost with the power only repeats work; a half-written one is never seen.
        File.WriteAllText(path + ".tmp", text);
        File.Move(path + ".tmp", path, overwrite: true);
    }

    // Another file under the same name begins differently.
    private static string Head(Stream input)
    {
        long position = input.Position;
        byte[] head = new byte[HeadBytes];
        input.Position = 0;
        int read = input.ReadAtLeast(head, HeadBytes, throwOnEndOfStream: false);
        input.Position = position;
        return XxHash64.Hash(head.AsSpan(0, read)).ToString("x16");
    }
}
