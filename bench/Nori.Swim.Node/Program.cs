using System.Runtime.InteropServices;
using Nori.Swim;
using Nori.Swim.Core;

// One member for tests/soak/swim-namespaces.sh: swim-node ID IP:PORT KEY [SEED…]. Prints a line for each event:
// unix milliseconds, event, member, incarnation. SIGTERM leaves; anything else is a crash.
if (args.Length < 3)
{
    Console.Error.WriteLine("usage: Nori.Swim.Node ID IP:PORT KEY [SEED…]");
    return 2;
}

await using SwimNode node = await SwimNode.StartAsync(new SwimOptions
{
    NodeId = args[0],
    ClusterName = "soak",
    ListenAddress = args[1],
    Keys = [System.Text.Encoding.UTF8.GetBytes(args[2])],
});
using SwimWatch watch = node.Watch();
using CancellationTokenSource stop = new();
using PosixSignalRegistration term = PosixSignalRegistration.Create(PosixSignal.SIGTERM, context =>
{
    context.Cancel = true;
    stop.Cancel();
});
Print("Started", args[0], 0);
Task joining = JoinAsync();
try
{
    await foreach (SwimEvent e in watch.ReadAllAsync(stop.Token))
        Print(e.IsFlap ? "Flapped" : e.Kind.ToString(), e.Member.Id.Value, e.Member.Incarnation);
}
catch (OperationCanceledException)
{
    await node.LeaveAsync();
    Print("Stopped", args[0], node.Self.Incarnation);
}

await joining;
return 0;

async Task JoinAsync()
{
    if (args.Length == 3) return;
    while (!stop.IsCancellationRequested && await node.JoinAsync(args[3..]) == 0)
        await Task.Delay(TimeSpan.FromMilliseconds(500), TimeProvider.System);
}

static void Print(string kind, string member, ulong incarnation) =>
    Console.WriteLine($"{DateTimeOffset.UtcNow.ToUnixTimeMilliseconds()} {kind} {member} {incarnation}");
