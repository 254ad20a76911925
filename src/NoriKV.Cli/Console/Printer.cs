using System.Text.Json;

namespace NoriKV.Cli.Console;

/// <summary>Prints the same thing for scripts or for people, whichever was asked for.</summary>
internal sealed class Printer(CliHost host, bool json)
{
    /// <summary>True: one JSON object on standard output, and nothing for people.</summary>
    public bool IsJson => json;

    /// <summary>The object's members, where JSON was asked for.</summary>
    public void Json(Action<Utf8JsonWriter> members)
    {
        if (json) host.WriteLine(JsonOutput.Line(members));
    }

    /// <summary>Lines on standard output, where text was asked for.</summary>
    public void Lines(IEnumerable<string> lines)
    {
        if (json) return;
        foreach (string line in lines) host.WriteLine(line);
    }

    /// <summary>A line for people beside the answer.</summary>
    public void Note(string line)
    {
        if (!json) host.Error.WriteLine("norikv: " + line);
    }
}
