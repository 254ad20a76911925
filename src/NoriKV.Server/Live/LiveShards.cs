namespace NoriKV.Server.Live;

/// <summary>Who leads each shard and how much is written there, put together from what the nodes say.</summary>
/// <remarks>Belongs to <see cref="LiveLoop"/>.</remarks>
internal sealed class LiveShards(int count)
{
    private readonly ulong[] _commits = new ulong[count];
    private readonly ulong[] _before = new ulong[count];
    private readonly double[] _rates = new double[count];
    private long _ratedAt;

    /// <summary>Takes the nodes' words over: of two that say they lead, the one with the higher term does.</summary>
    public LiveCluster Take(LiveCluster cluster, double secondsNow)
    {
        byte[] leaders = new byte[count], sizes = new byte[count];
        ulong[] terms = new ulong[count];
        for (int place = 0; place < cluster.Nodes.Count; place++)
        {
            if (cluster.Nodes[place].Picture is not { } picture) continue;
            foreach (LedShard led in picture.Leads)
            {
                if (led.Shard >= (uint)count) continue;
                _commits[led.Shard] = Math.Max(_commits[led.Shard], led.Commit);
                if (led.Term < terms[led.Shard]) continue;
                terms[led.Shard] = led.Term;
                leaders[led.Shard] = (byte)(place + 1);
                sizes[led.Shard] = LiveCluster.Scale(led.Kilobytes);
            }
        }

        return cluster with { Leaders = leaders, Terms = terms, Sizes = sizes, Heat = Rate(secondsNow) };
    }

    // Once a second: what is shown is a map, not a meter.
    private byte[] Rate(double secondsNow)
    {
        double passed = secondsNow - (_ratedAt / 1000.0);
        if (passed >= 1)
        {
            bool isFirst = _ratedAt == 0;
            for (int i = 0; i < count; i++)
            {
                bool isNew = isFirst || _before[i] == 0;
                double rate = isNew ? 0 : (_commits[i] - _before[i]) / passed;
                _rates[i] = isNew ? 0 : (_rates[i] + rate) / 2;
                _before[i] = _commits[i];
            }

            _ratedAt = (long)(secondsNow * 1000);
        }

        return [.. _rates.Select(static r => r < 0.05 ? (byte)0 : LiveCluster.Scale(r))];
    }
}
