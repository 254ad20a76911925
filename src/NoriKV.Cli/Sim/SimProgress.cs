using System.Globalization;
using NoriKV.Cli.Console;
using NoriKV.TestKit.Simulation;

namespace NoriKV.Cli.Sim;

/// <summary>How far many runs are, on standard error: a bar on a terminal, elsewhere a line every ten seconds.</summary>
internal sealed class SimProgress(CliHost host, bool quiet)
{
    private const int BarWidth = 24;
    private readonly long _begun = host.Time.GetTimestamp();
    private readonly TimeSpan _every = TimeSpan.FromMilliseconds(host.ErrorIsTerminal ? 200 : 10_000);
    private TimeSpan _shown;
    private int _width;

    /// <summary>Time since it was made.</summary>
    public TimeSpan Elapsed => host.Time.GetElapsedTime(_begun);

    /// <summary>Shows the state if it is time to.</summary>
    public void Show(SimulationSummary summary, double part)
    {
        TimeSpan now = Elapsed;
        if (quiet || now - _shown < _every) return;
        _shown = now;
        int full = (int)(Math.Clamp(part, 0, 1) * BarWidth);
        string bar = host.ErrorIsTerminal ? $"[{new string('#', full)}{new string('.', BarWidth - full)}] " : "";
        string hours = summary.VirtualTime.TotalHours.ToString("0.00", CultureInfo.InvariantCulture);
        string text = $"{bar}{(int)(part * 100),3} %  {summary.Runs} runs, {hours} virtual hours, {summary.Failed.Count} bad";
        if (!host.ErrorIsTerminal)
        {
            host.Error.WriteLine(text);
            return;
        }

        host.Error.Write("\r" + text.PadRight(_width));
        _width = text.Length;
    }

    /// <summary>Clears the line.</summary>
    public void End()
    {
        if (_width > 0) host.Error.Write("\r" + new string(' ', _width) + "\r");
    }
}
