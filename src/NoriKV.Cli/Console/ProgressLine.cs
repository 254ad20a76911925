using System.Globalization;

namespace NoriKV.Cli.Console;

/// <summary>
/// Shows how far a transfer is on standard error: on a terminal one line redrawn ten times a second, with a bar, the
/// rate and the time left; elsewhere a plain line every five seconds.
/// </summary>
internal sealed class ProgressLine(CliHost host, string verb, bool quiet, string noun = "records")
{
    private const int BarWidth = 24;

    private readonly long _begun = host.Time.GetTimestamp();
    private readonly TimeSpan _every = host.ErrorIsTerminal ? TimeSpan.FromMilliseconds(100) : TimeSpan.FromSeconds(5);
    private readonly Queue<(TimeSpan At, long Records)> _recent = new();
    private TimeSpan _shown;
    private int _width;

    /// <summary>Shows the state if it is time to.</summary>
    /// <param name="records">Done so far.</param>
    /// <param name="part">0 to 1; null when the whole is not known.</param>
    /// <param name="note">What else there is to say.</param>
    public void Report(long records, double? part, string note = "")
    {
        if (quiet) return;
        TimeSpan now = host.Time.GetElapsedTime(_begun);
        if (now - _shown < _every) return;
        _shown = now;
        string text = Render(records, part, now) + note;
        if (host.ErrorIsTerminal)
        {
            host.Error.Write("\r" + text.PadRight(_width));
            _width = text.Length;
        }
        else
        {
            host.Error.WriteLine(text);
        }
    }

    /// <summary>Ends the line and says what was done.</summary>
    public void Finish(long records)
    {
        if (quiet) return;
        TimeSpan took = host.Time.GetElapsedTime(_begun);
        Clear();
        double rate = records / Math.Max(took.TotalSeconds, 0.001);
        host.Error.WriteLine($"{verb} {N(records)} {noun} in {Span(took)} ({N((long)rate)}/s)");
    }

    /// <summary>Removes the line from a terminal.</summary>
    public void Clear()
    {
        if (_width > 0) host.Error.Write("\r" + new string(' ', _width) + "\r");
        _width = 0;
    }

    /// <summary>The line for a state. The rate is that of the last ten seconds.</summary>
    internal string Render(long records, double? part, TimeSpan now)
    {
        _recent.Enqueue((now, records));
        while (_recent.Count > 2 && now - _recent.Peek().At > TimeSpan.FromSeconds(10)) _recent.Dequeue();
        (TimeSpan since, long before) = _recent.Count > 1 ? _recent.Peek() : (TimeSpan.Zero, 0);
        double seconds = Math.Max((now - since).TotalSeconds, 0.001);
        string text = $"{verb} {N(records)} {noun}  {N((long)((records - before) / seconds))}/s";
        if (part is not { } p) return text;
        p = Math.Clamp(p, 0, 1);
        int full = (int)(p * BarWidth);
        string left = p > 0 ? Span(now * ((1 - p) / p)) : "?";
        string bar = host.ErrorIsTerminal ? $"[{new string('#', full)}{new string('.', BarWidth - full)}] " : "";
        return $"{bar}{(int)(p * 100),3} %  {text}  {left} left";
    }

    private static string N(long number) => number.ToString("N0", CultureInfo.InvariantCulture);

    private static string Span(TimeSpan span) => span.TotalHours >= 1 ? $"{(int)span.TotalHours}:{span:mm\\:ss}"
        : span.TotalMinutes >= 1 ? $"{span:m\\:ss}"
        : span.TotalSeconds.ToString("0.0", CultureInfo.InvariantCulture) + " s";
}
