using System.Diagnostics;
using System.Text.Json;
using NoriKV.Client.Testing;

namespace NoriKV.Conformance;

/// <summary>Steps that go on while others run.</summary>
internal sealed class Background(
    Func<JsonElement, string, CancellationToken, Task<Outcome>> attempt, Expectation expectation) : IDisposable
{
    private static readonly TimeSpan AtOnce = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private readonly Dictionary<string, (CancellationTokenSource Cancel, Task<Outcome> Outcome)> _begun = [];

    public void Begin(JsonElement step)
    {
        var cancel = new CancellationTokenSource();
        _begun[step.GetProperty("as").GetString()!] = (cancel, attempt(step.GetProperty("step"), "", cancel.Token));
    }

    public Task CancelAsync(JsonElement step) => _begun[step.GetProperty("of").GetString()!].Cancel.CancelAsync();

    public async Task EndAsync(JsonElement step)
    {
        string name = step.GetProperty("of").GetString()!;
        Outcome outcome;
        try
        {
            outcome = await _begun[name].Outcome.WaitAsync(AtOnce, TimeProvider.System);
        }
        catch (TimeoutException)
        {
            throw new ExpectationException($"{name} did not end");
        }

        _begun.Remove(name);
        if (expectation.Differs(outcome, step.GetProperty("expect"), "") is { } wrong) throw new ExpectationException(wrong);
    }

    /// <summary>Waits until a scripted node has got just these operations.</summary>
    public static async Task PrintedAsync(EphemeralServer server, string[] lines)
    {
        long begun = Stopwatch.GetTimestamp();
        while (true)
        {
            string[] got = [.. server.Output().Where(l => l.StartsWith("got ", StringComparison.Ordinal))];
            if (got.SequenceEqual(lines)) return;
            if (got.Length > lines.Length || Stopwatch.GetElapsedTime(begun) > Patience)
                throw new ExpectationException($"the node printed {string.Join(", ", got)}");
            await Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System);
        }
    }

    public void Dispose()
    {
        foreach ((CancellationTokenSource cancel, _) in _begun.Values) cancel.Cancel();
    }
}
