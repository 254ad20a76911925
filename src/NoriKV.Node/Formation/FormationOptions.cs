using Nori.IO;

namespace NoriKV.Node.Formation;

/// <summary>How a node founds a cluster.</summary>
public sealed record FormationOptions
{
    // Behaviour.

    /// <summary>This node's name.</summary>
    public required string NodeName { get; init; }

    /// <summary>Its dialable gRPC address, host:port.</summary>
    public required string Address { get; init; }

    /// <summary>Its failure zone; empty for none.</summary>
    public string Zone { get; init; } = "";

    /// <summary>Where it lives; empty but for what formation itself keeps there.</summary>
    public required string DataDirectory { get; init; }

    /// <summary>The file system it lies on. <value>The disk.</value></summary>
    public IFileSystem FileSystem { get; init; } = DiskFileSystem.Instance;

    /// <summary>Nodes to ask, host:port; this node's own may be among them.</summary>
    public IReadOnlyList<string> Seeds { get; init; } = [];

    /// <summary>Clock. <value>The system's.</value></summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;

    /// <summary>Seeds what is random; 0: from the system.</summary>
    public ulong Seed { get; init; }

    // Cluster-wide: must match on every founder.

    /// <summary>Founders: the cluster is formed by exactly so many, 1 to 99.</summary>
    public required int Expect { get; init; }

    /// <summary>The cluster's name.</summary>
    public string ClusterName { get; init; } = "norikv";

    /// <summary>What it is formed with.</summary>
    public required FormationSettings Settings { get; init; }

    // Performance.

    /// <summary>Time between questions to one node. <value>100 ms</value></summary>
    public TimeSpan Interval { get; init; } = TimeSpan.FromMilliseconds(100);

    /// <summary>A question without an answer for so long is asked again. <value>2 s</value></summary>
    public TimeSpan AnswerMax { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>A node counts as there for so long after its last answer. <value>3 s</value></summary>
    public TimeSpan FreshFor { get; init; } = TimeSpan.FromSeconds(3);

    /// <summary>A proposal that was not accepted by all for so long is given up. <value>10 s</value></summary>
    public TimeSpan ProposalMax { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>The pause behind a proposal that was given up. <value>500 ms</value></summary>
    public TimeSpan Pause { get; init; } = TimeSpan.FromMilliseconds(500);

    /// <summary>Most addresses asked; those heard of beyond are not. <value>256</value></summary>
    public int AddressesMax { get; init; } = 256;

    /// <summary>Every problem with these options; empty when there is none.</summary>
    public IReadOnlyList<string> Validate()
    {
        var problems = new List<string>();
        Check(Types.NodeName.IsValid(NodeName), "NodeName must be 1 to 64 of [A-Za-z0-9._-]");
        Check(Address.Length > 0, "Address must be given");
        Check(Expect is >= 1 and <= FormationProposal.FoundersMax, "Expect must be 1 to 99");
        Check(Settings.TotalShards is >= 1 and <= Placement.KeyHash.TotalShardsMax, "TotalShards must be 1 to 65,536");
        Check(
            Settings.ReplicationFactor is >= 1 and <= FormationProposal.ReplicasMax, "ReplicationFactor must be 1 to 7");
        Check(Interval > TimeSpan.Zero && AnswerMax > TimeSpan.Zero, "Interval and AnswerMax must be above 0");
        Check(FreshFor > Interval, "FreshFor must be above Interval");
        Check(AddressesMax >= 1, "AddressesMax must be positive");
        return problems;

        void Check(bool holds, string problem)
        {
            if (!holds) problems.Add(problem);
        }
    }
}
