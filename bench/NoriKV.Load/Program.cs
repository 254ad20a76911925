// Load with a history for scripts that change a cluster beneath it:
//
//     NoriKV.Load ADDRESSES HISTORY [KEPT KEYS] [CALLERS] [CALLS A SECOND]
//
// It writes the kept keys, prints "ready", calls, and obeys lines on its input, each answered with a line:
//     check        reads every kept key             checked KEYS lost LOST done CALLS failed CALLS longest MS
//     stop, end    writes the history and ends      stopped done CALLS failed CALLS
// The longest call is that since the last check. Exit code 1 when a kept key was lost.
using System.Globalization;
using NoriKV.Client;
using NoriKV.Load;
using NoriKV.TestKit.Histories;

if (args.Length < 2)
{
    Console.Error.WriteLine("usage: NoriKV.Load ADDRESSES HISTORY [KEPT KEYS] [CALLERS] [CALLS A SECOND]");
    return 2;
}

int Argument(int i, int usual) => args.Length > i ? int.Parse(args[i], CultureInfo.InvariantCulture) : usual;
int keys = Argument(2, 1000);
await using NoriKVClient client = NoriKVClient.Connect(new NoriKVClientOptions
{
    Addresses = args[0].Split(','),
    Deadline = TimeSpan.FromSeconds(30),
});
var kept = new Kept(client, keys);
await kept.WriteAsync();
var callers = new Callers(client, Argument(3, 8), Argument(4, 200));
using var stop = new CancellationTokenSource();
Task calling = callers.RunAsync(stop.Token);
Console.WriteLine("ready");
bool isLost = false;
while (await Console.In.ReadLineAsync() is { } line && line != "stop")
{
    int lost;
    try
    {
        lost = await kept.CountLostAsync();
    }
    catch (NoriKVException e)
    {
        Console.WriteLine($"error {e.Code}: {e.Message}");
        continue;
    }

    isLost |= lost > 0;
    Console.WriteLine(string.Create(
        CultureInfo.InvariantCulture,
        $"checked {keys} lost {lost} done {callers.Done} failed {callers.Failed} longest {callers.Longest.TotalMilliseconds:F0}"));
    callers.ForgetLongest();
}

await stop.CancelAsync();
await calling;
using (var writer = new StreamWriter(args[1])) HistoryWriter.Write(callers.Recorder.History, writer);
foreach (string failure in callers.Failures) Console.Error.WriteLine(failure);
Console.WriteLine($"stopped done {callers.Done} failed {callers.Failed}");
return isLost ? 1 : 0;
