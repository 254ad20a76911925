using Nori.Testing;

namespace NoriKV.Cluster.Bench.Clusters;

internal static class Ports
{
    /// <summary>Ports of loopback that were free just now, all different, and not of those that outgoing connections get.</summary>
    public static int[] Free(int count)
    {
        HashSet<int> ports = [];
        while (ports.Count < count) ports.Add(FreePort.Next());
        return [.. ports];
    }
}
