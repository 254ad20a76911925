using System.Globalization;

namespace NoriKV.Cli.Chaos.Nodes;

/// <summary>
/// What a node under test is told on its standard input, a line each: <c>disk slow MS</c>, <c>disk stall</c>, <c>disk full</c>,
/// <c>disk fail sync|write|read</c>, <c>disk well</c>, <c>clock SECONDS</c>, <c>clock rate FACTOR</c>,
/// <c>clock rate FACTOR monotonic</c>.
/// </summary>
internal sealed class FaultOrders(FaultyDisk disk, FaultyClock clock)
{
    /// <summary>Carries one out; false for what it does not know.</summary>
    public bool Obey(string line)
    {
        string[] words = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        switch (words)
        {
            case ["disk", "slow", var ms] when double.TryParse(ms, CultureInfo.InvariantCulture, out double by):
                disk.Slow(TimeSpan.FromMilliseconds(by));
                return true;
            case ["disk", "stall"]:
                disk.Stall();
                return true;
            case ["disk", "full"]:
                disk.Fill();
                return true;
            case ["disk", "fail", "sync" or "write" or "read"]:
                disk.Fail(words[2]);
                return true;
            case ["disk", "well"]:
                disk.BeWell();
                return true;
            case ["clock", var seconds] when double.TryParse(seconds, CultureInfo.InvariantCulture, out double offset):
                clock.SetOffset(TimeSpan.FromSeconds(offset));
                return true;
            case ["clock", "rate", var factor, .. [] or ["monotonic"]]
                when double.TryParse(factor, CultureInfo.InvariantCulture, out double rate) && rate > 0:
                clock.SetRate(rate, isWallKept: words.Length == 4);
                return true;
            default:
                return false;
        }
    }

    /// <summary>Obeys until the input ends.</summary>
    public async Task ObeyAllAsync(TextReader input, TextWriter errors)
    {
        while (await input.ReadLineAsync().ConfigureAwait(false) is { } line)
        {
            if (!Obey(line)) await errors.WriteLineAsync($"unknown order: {line}").ConfigureAwait(false);
        }
    }
}
