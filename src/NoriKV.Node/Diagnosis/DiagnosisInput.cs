using NoriKV.Node.Meta;
using NoriKV.Types;

namespace NoriKV.Node.Diagnosis;

/// <summary>What is known when findings are looked for: the map, and what each member said, or why it said nothing.</summary>
internal sealed class DiagnosisInput
{
    private readonly SortedDictionary<NodeNumber, NodeReport> _reports = [];
    private readonly SortedDictionary<NodeNumber, string> _failures = [];

    public required ClusterMap Map { get; init; }

    /// <summary>The number of the meta group among the shards.</summary>
    public required ShardId MetaShard { get; init; }

    public DiagnosisOptions Options { get; init; } = new();

    /// <summary>Those that answered, by number.</summary>
    public IReadOnlyDictionary<NodeNumber, NodeReport> Reports => _reports;

    /// <summary>Those that did not, and why.</summary>
    public IReadOnlyDictionary<NodeNumber, string> Failures => _failures;

    public IEnumerable<RegisteredNode> Members => Map.Nodes.Where(static n => n.IsMember);

    /// <summary>What the meta leader said; null where none of those that answered leads the meta group.</summary>
    public NodeReport? MetaLeader => _reports.Values
        .Where(r => r.LeadsMeta && r.NotReady.Length == 0)
        .MaxBy(r => r.Replicas.FirstOrDefault(x => x.Shard == MetaShard).Term.Value);

    public void Add(NodeReport report) => _reports[report.Node] = report;

    public void AddFailure(NodeNumber node, string why) => _failures[node] = why;

    /// <summary>A node's name; its number where none is known.</summary>
    public string NameOf(NodeNumber node) => Map.Find(node)?.Name ?? $"node {node}";

    public string NamesOf(IEnumerable<NodeNumber> nodes) => string.Join(", ", nodes.Select(NameOf));
}
