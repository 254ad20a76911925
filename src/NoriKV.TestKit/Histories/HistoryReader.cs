using NoriKV.TestKit.Linearizability;

namespace NoriKV.TestKit.Histories;

/// <summary>
/// Reads a recorded history in any of three forms, told apart line by line: a Jepsen register log
/// (<c>INFO  jepsen.util - 0  :invoke  :read  nil</c>), maps of EDN
/// (<c>{:process 0, :type :invoke, :f :get, :key "a", :value nil}</c>), or our own JSON lines
/// (<c>{"process":0,"type":"invoke","f":"write","key":"a","value":"1"}</c>), which <see cref="HistoryWriter"/> writes.
/// </summary>
public static class HistoryReader
{
    /// <summary>Reads a file.</summary>
    /// <exception cref="HistoryFormatException">It cannot be read; names line and column.</exception>
    public static IReadOnlyList<Operation> ReadFile(string path) => Read(File.ReadLines(path), Path.GetFileName(path));

    /// <summary>Reads lines; <paramref name="name"/> is what errors call them. The time of a call is the number of its line.</summary>
    /// <exception cref="HistoryFormatException">It cannot be read; names line and column.</exception>
    public static IReadOnlyList<Operation> Read(IEnumerable<string> lines, string name)
    {
        HistoryBuilder builder = new();
        int number = 0;
        foreach (string line in lines)
        {
            number++;
            if (string.IsNullOrWhiteSpace(line)) continue;
            try
            {
                if (HistoryLine.Parse(line.TrimEnd('\r')) is { } parsed) builder.Add(parsed, number);
            }
            catch (LineException e)
            {
                throw new HistoryFormatException(name, number, e.Column, e.Message);
            }
        }

        return builder.Finish();
    }
}
