using System.Globalization;
using System.Text;
using NoriKV.Cli.Console;
using NoriKV.TestKit.Histories;
using NoriKV.TestKit.Linearizability;

namespace NoriKV.Cli.Histories;

/// <summary>Reads and judges one file after the other, and says on standard error how far it is.</summary>
internal sealed class HistoryCheck(CliHost host, bool quiet, long maxStates, CancellationToken cancellation)
{
    // Replaced by one and the same character, two values would be equal that are not, and a contradiction no longer one.
    private static readonly UTF8Encoding Strict = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    public HistoryVerdict Of(string file)
    {
        long begun = host.Time.GetTimestamp();
        try
        {
            IReadOnlyList<Operation> history = Read(file);
            // Nothing contradicts nothing: a recording that failed would pass for a good one.
            if (history.Count == 0) return Unread("it holds no calls that could be judged: nothing was recorded, or nothing succeeded");
            var progress = new ProgressLine(host, "checked", quiet, "calls");
            Verdict verdict = LinearizabilityChecker.CheckAll(
                history,
                p => progress.Report(p.Calls, p.CallsAll == 0 ? null : (double)p.Calls / p.CallsAll, States(p)),
                maxStates,
                cancellation);
            progress.Clear();
            return new HistoryVerdict(file, history.Count, verdict, Undecided(verdict), host.Time.GetElapsedTime(begun));
        }
        catch (HistoryFormatException e)
        {
            return Unread($"line {e.Line}, column {e.Column}: {e.Problem}");
        }
        catch (DecoderFallbackException)
        {
            return Unread("there are bytes in it that are no UTF-8");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return Unread(e.Message);
        }

        HistoryVerdict Unread(string problem) => new(file, 0, null, problem, host.Time.GetElapsedTime(begun));
    }

    private static string States(CheckProgress progress) =>
        progress.States == 0 ? "" : string.Create(CultureInfo.InvariantCulture, $"  {progress.States:N0} states of one key");

    // A contradiction of another key decides the whole.
    private string? Undecided(Verdict verdict)
    {
        if (verdict.IsLinearizable || verdict.Contradiction is not null) return null;
        int others = verdict.UndecidedKeys.Count - 1;
        string keys = others == 0 ? $"key {verdict.UndecidedKeys[0]}" : $"key {verdict.UndecidedKeys[0]} and {others} more";
        return string.Create(
            CultureInfo.InvariantCulture,
            $"{keys} cannot be decided within {maxStates:N0} states: allow more with --max-states, or record histories in which fewer "
            + $"calls overlap on one key, and each value is written once");
    }

    private IReadOnlyList<Operation> Read(string file)
    {
        if (Directory.Exists(file)) throw new IOException("this is a directory");
        using Stream input = file == "-" ? host.Input : File.OpenRead(file);
        using var reader = new StreamReader(input, Strict);
        var progress = new ProgressLine(host, "read", quiet, "lines");
        IReadOnlyList<Operation> history = HistoryReader.Read(Lines(reader, input, progress), file);
        progress.Clear();
        return history;
    }

    private IEnumerable<string> Lines(StreamReader reader, Stream input, ProgressLine progress)
    {
        const int LinesBetweenReports = 1000;
        for (long number = 1; reader.ReadLine() is { } line; number++)
        {
            yield return line;
            if (number % LinesBetweenReports != 0) continue;
            cancellation.ThrowIfCancellationRequested();
            progress.Report(number, input.CanSeek && input.Length > 0 ? (double)input.Position / input.Length : null);
        }
    }
}
