using System.Reflection;
using System.Text;
using Nori.Swim.Core.Tests.Simulation;

namespace Nori.Swim.Core.Tests;

/// <summary>Whole traces kept as text: UPDATE_GOLDEN=1 rewrites them, review reads them.</summary>
public sealed class GoldenTests
{
    private const long Second = SwimConfig.Second;

    [Fact]
    public void The_life_of_a_small_cluster_is_the_one_on_record()
    {
        StringBuilder trace = new();
        SimCluster cluster = new(4, 2026, new SwimConfig { ClusterName = "golden" });
        cluster.Trace = line => trace.Append(line).Append('\n');
        Say("n0001, n0002, n0003 join through n0000");
        for (int i = 1; i < 4; i++) cluster.Join(cluster.Nodes[i], cluster.Nodes[0]);
        cluster.RunFor(3 * Second);
        Say("n0003 is cut off for 4 s");
        cluster.Reaches = (a, b) => a.Id != "n0003" && b.Id != "n0003";
        cluster.RunFor(4 * Second);
        cluster.Reaches = static (_, _) => true;
        cluster.RunFor(10 * Second);
        Say("n0002 is killed");
        SimCluster.Kill(cluster.Nodes[2]);
        cluster.RunFor(10 * Second);
        Say("n0002 restarts");
        SimNode again = cluster.Add("n0002", cluster.Nodes[2].Address);
        cluster.Join(again, cluster.Nodes[1]);
        cluster.RunFor(5 * Second);
        Say("n0001 leaves");
        cluster.Leave(cluster.Nodes[1]);
        cluster.RunFor(5 * Second);
        Check("life.txt", trace.ToString());

        void Say(string text) => trace.Append($"# {cluster.Now / 1000} ms: {text}\n");
    }

    [Fact]
    public void What_one_member_sends_about_a_silent_one_is_what_is_on_record()
    {
        Rig rig = new(4);
        StringBuilder trace = new();
        foreach (Sent sent in rig.TickTo(12 * Second)) trace.Append(sent).Append('\n');
        Check("silence.txt", trace.ToString());
    }

    private static void Check(string name, string actual)
    {
        string root = typeof(GoldenTests).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>()
            .Single(a => a.Key == "RepositoryRoot").Value!;
        string file = Path.Combine(root, "tests", "Nori.Swim.Core.Tests", "testdata", name);
        if (Environment.GetEnvironmentVariable("UPDATE_GOLDEN") == "1") File.WriteAllText(file, actual);
        Assert.True(File.Exists(file), $"{name} is missing: run with UPDATE_GOLDEN=1");
        Assert.Equal(File.ReadAllText(file), actual);
    }
}
