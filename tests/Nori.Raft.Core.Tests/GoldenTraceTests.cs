using System.Reflection;
using System.Text;
using Nori.Raft.Core.Tests.Harness;

namespace Nori.Raft.Core.Tests;

/// <summary>
/// Schedules as texts: commands after "> ", comments after "#", and below each command everything that it
/// made the group do. UPDATE_GOLDEN=1 rewrites what follows the commands; review reads the difference.
/// </summary>
public sealed class GoldenTraceTests
{
    public static TheoryData<string> Traces =>
        new(Directory.GetFiles(Folder, "*.txt").Select(f => Path.GetFileName(f)).Order(StringComparer.Ordinal));

    private static string Folder => Path.Combine(
        typeof(GoldenTraceTests).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>()
            .Single(a => a.Key == "ProjectFolder").Value!,
        "testdata");

    [Theory]
    [MemberData(nameof(Traces))]
    public void A_schedule_plays_as_recorded(string trace)
    {
        string file = Path.Combine(Folder, trace);
        string recorded = File.ReadAllText(file);
        string played = Play(recorded);
        if (Environment.GetEnvironmentVariable("UPDATE_GOLDEN") == "1") File.WriteAllText(file, played);
        else Assert.Equal(recorded, played);
    }

    private static string Play(string script)
    {
        StringBuilder text = new();
        ScriptCluster? cluster = null;
        foreach (string line in script.Split('\n'))
        {
            if (line.Length == 0 || line.StartsWith('#')) text.Append(line).Append('\n');
            if (!line.StartsWith("> ", StringComparison.Ordinal)) continue;
            text.Append(line).Append('\n');
            cluster = Do(cluster, line[2..].Split(' '));
            text.Append(cluster.TakeText());
        }

        return text.ToString().TrimEnd('\n') + '\n';
    }

    private static ScriptCluster Do(ScriptCluster? cluster, string[] words)
    {
        int Number(int at) => int.Parse(words[at]);
        if (words[0] == "cluster") return new ScriptCluster(Number(1), words.Length > 2 ? Number(2) : 0);
        ScriptCluster c = cluster!;
        switch (words[0])
        {
            case "tick":
                c.Tick(Number(1), words.Length > 2 ? Number(2) : 1);
                break;
            case "run":
                c.Run(Number(1));
                break;
            case "elect":
                c.Elect(Number(1));
                break;
            case "propose":
                ProposeResult proposed = c.Propose(Number(1), words.Length > 2 ? Number(2) : 1);
                if (!proposed.IsAccepted) c.Say($"  {proposed.Status}");
                break;
            case "configure":
                ulong[] voters = Ids(words[2]), learners = words.Length > 3 ? Ids(words[3]) : [];
                ConfigurationResult configured = c.Configure(Number(1), voters, learners);
                if (!configured.IsAccepted) c.Say($"  {configured.Status} {configured.Replica}");
                break;
            case "read":
                c.Say($"  {c.Read(Number(1))}");
                break;
            case "transfer":
                c.Say($"  {c[Number(1)].TransferLeadership(new ReplicaId((ulong)Number(2)))}");
                c.Pump();
                break;
            case "resign":
                c[Number(1)].Resign();
                c.Pump();
                break;
            case "deliver":
                c.Deliver();
                break;
            case "step":
                c.DeliverOnce();
                break;
            case "cut":
                c.Cut((ulong)Number(1), (ulong)Number(2));
                break;
            case "isolate":
                c.Isolate((ulong)Number(1));
                break;
            case "heal":
                c.Heal();
                break;
            case "crash":
                c.Crash(Number(1));
                break;
            case "start":
                c.Start(Number(1));
                break;
            case "slowdisk":
                c.SlowDisk(Number(1));
                break;
            case "fastdisk":
                c.FastDisk(Number(1));
                break;
            case "compact":
                c.Say($"  {c.Node(Number(1)).Compact(new LogIndex((ulong)Number(2)))}");
                break;
            case "snapshot":
                c.SendSnapshot(Number(1), Number(2));
                break;
            case "hibernate":
                c.Say($"  {c[Number(1)].TryHibernate([])}");
                c.Pump();
                break;
            case "state":
                c.State();
                break;
            default:
                throw new InvalidOperationException($"unknown command {words[0]}");
        }

        return c;
    }

    private static ulong[] Ids(string list) => list == "-" ? [] : list.Split(',').Select(ulong.Parse).ToArray();
}
