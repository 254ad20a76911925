using NoriKV.TestKit.Linearizability;

namespace NoriKV.TestKit.Histories;

/// <summary>
/// Reads a recorded history in any of three forms, told apart line by line: a Jepsen register log
/// (<c>INFO  jepsen.util - 0  :invoke  :read  nil</c>), the key-value form
/// (<c>{:process 0, :type :invoke, :f :get, …}</c>), or our own JSON lines
/// (<c>{"process":0,"type":"invoke","f":"write","key":"a","value":"1"}</c>).
/// </summary>
public static class HistoryReader
{
    /// <summary>Reads a file. Throws <see cref="HistoryFormatException"/> with the line that cannot be read.</summary>
    public static IReadOnlyList<Operation> ReadFile(string path) => Read(File.ReadLines(path), Path.GetFileName(path));

    /// <summary>Reads lines; <paramref name="name"/> is what errors call them.</summary>
    public static IReadOnlyList<Operation> Read(IEnumerable<string> lines, string name)
    {
        HistoryBuilder builder = new(name);
        int number = 0;
        foreach (string line in lines)
        {
            number++;
            if (string.IsNullOrWhiteSpace(line)) continue;
            HistoryLine parsed = HistoryLine.TryParse(line)
                ?? throw new HistoryFormatException(name, number, $"cannot read this line: {line}");
            builder.Add(parsed, number);
        }

        return builder.Finish();
    }
}
