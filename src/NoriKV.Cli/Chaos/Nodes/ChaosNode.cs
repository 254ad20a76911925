using System.Net;

namespace NoriKV.Cli.Chaos.Nodes;

/// <summary>A node of the cluster, over all its lives.</summary>
internal sealed class ChaosNode(int index, string folder, IReadOnlyList<string> arguments, int[] ports, Guard guard) : IAsyncDisposable
{
    private readonly StreamWriter _words = new(Path.Combine(folder, $"n{index + 1}.log"), append: true) { AutoFlush = true };

    public int Index => index;

    public string Name => $"n{index + 1}";

    public string DataDirectory => Path.Combine(folder, Name);

    /// <summary>Where its log of this run is.</summary>
    public string WordsFile => Path.Combine(folder, $"{Name}.log");

    /// <summary>Where others are told that it is.</summary>
    public IPEndPoint Public { get; } = new(IPAddress.Loopback, ports[0]);

    /// <summary>Where it is.</summary>
    public IPEndPoint Real { get; } = new(IPAddress.Loopback, ports[1]);

    public int HttpPort => ports[2];

    /// <summary>Its present or last life; null before the first.</summary>
    public NodeProcess? Process { get; private set; }

    public bool IsUp => Process is { IsEnding: false } p && !p.Ended.IsCompleted;

    /// <summary>Faults that hold it still or down; it is started or resumed by the last that ends.</summary>
    public int Pauses { get; set; }

    /// <summary>A bit in its files was flipped; null when none is, or it was flipped back.</summary>
    public FlippedBit? Flipped { get; set; }

    /// <summary>Its disk is gone for good: it may not start before the cluster has given it up.</summary>
    public bool IsLost { get; set; }

    /// <summary>It was replaced, and the cluster may not have made up for what it lost yet.</summary>
    public bool IsReplaced { get; set; }

    /// <summary>Begins a new life.</summary>
    public NodeProcess Start()
    {
        Process?.Dispose();
        Pauses = 0;
        return Process = new NodeProcess(arguments, _words, guard) { MayFail = Flipped is not null };
    }

    /// <summary>Ends this life at once and waits until it has.</summary>
    public async Task KillAsync()
    {
        if (Process is not { } process) return;
        process.Kill();
        await process.Ended.ConfigureAwait(false);
    }

    public async ValueTask DisposeAsync()
    {
        await KillAsync().ConfigureAwait(false);
        Process?.Dispose();
        await _words.DisposeAsync().ConfigureAwait(false);
    }
}
