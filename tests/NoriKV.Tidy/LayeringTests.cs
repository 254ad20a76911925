namespace NoriKV.Tidy;

/// <summary>The rings of docs/architecture.md: a project references only what its line allows.</summary>
public sealed class LayeringTests
{
    private static readonly string[] Inner = ["Nori.Core", "Nori.Observe"];
    private static readonly string[] Storage = [.. Inner, "Nori.IO", "Nori.Compression"];
    private static readonly string[] Domain = ["NoriKV.Types", "NoriKV.Placement"];

    // A project that is not listed here fails the test: say which ring it belongs to first.
    private static readonly Dictionary<string, string[]> Allowed = new(StringComparer.Ordinal)
    {
        ["Nori.Core"] = [],
        ["Nori.Observe"] = [],
        ["Nori.Observe.Prometheus"] = Inner,
        ["Nori.Observe.Otlp"] = [.. Inner, "Nori.Grpc"],
        ["Nori.IO"] = Inner,
        ["Nori.Compression"] = ["Nori.Core"],
        ["Nori.Wal"] = Storage,
        ["Nori.SSTable"] = Storage,
        ["Nori.Lsm"] = [.. Storage, "Nori.Wal", "Nori.SSTable"],
        ["Nori.RocksDb"] = [],
        ["Nori.Raft.Core"] = ["Nori.Core"],
        ["Nori.Swim.Core"] = ["Nori.Core"],
        ["Nori.Raft"] = [.. Inner, "Nori.Raft.Core"],
        ["Nori.Swim"] = [.. Inner, "Nori.Swim.Core"],
        ["Nori.Raft.Adapters"] = [.. Storage, "Nori.Raft", "Nori.Raft.Core", "Nori.Wal", "Nori.Grpc", "Nori.Grpc.Server"],
        ["Nori.Grpc"] = Inner,
        ["Nori.Grpc.Server"] = [.. Inner, "Nori.Grpc"],
        ["NoriKV.Types"] = ["Nori.Core"],
        ["NoriKV.Placement"] = ["Nori.Core", "NoriKV.Types"],
        ["NoriKV.Proto"] = [],
        ["NoriKV.Node"] =
        [
            .. Storage, .. Domain, "Nori.Wal", "Nori.SSTable", "Nori.Lsm", "Nori.Raft.Core", "Nori.Raft",
            "Nori.Swim.Core", "Nori.Swim",
        ],
        ["NoriKV.Storage.RocksDb"] = ["Nori.Core", "Nori.IO", "Nori.RocksDb", "NoriKV.Node"],
        ["NoriKV.Transport.Grpc"] =
            [.. Inner, .. Domain, "NoriKV.Node", "NoriKV.Proto", "Nori.Grpc", "Nori.Grpc.Server", "Nori.Swim"],
        ["NoriKV.Transport.Http"] = [.. Inner, .. Domain, "NoriKV.Node", "Nori.Observe.Prometheus"],
        ["NoriKV.Client"] = [.. Inner, .. Domain, "NoriKV.Proto", "Nori.Grpc"],
        ["NoriKV.Embedded"] = [.. Storage, .. Domain, "NoriKV.Client", "NoriKV.Node"],
        ["NoriKV.TestKit"] =
        [
            .. Storage, .. Domain, "Nori.Wal", "Nori.Lsm", "NoriKV.Node", "Nori.Raft.Core", "Nori.Swim.Core", "NoriKV.Client",
            "NoriKV.Embedded",
        ],
        ["NoriKV.Server"] =
        [
            .. Storage, .. Domain, "NoriKV.Node", "NoriKV.Storage.RocksDb", "NoriKV.Transport.Grpc", "NoriKV.Transport.Http", "Nori.Grpc",
            "Nori.Grpc.Server", "Nori.Swim", "Nori.Observe.Prometheus", "Nori.Observe.Otlp",
        ],
        ["NoriKV.Cli"] =
        [
            .. Storage, .. Domain, "NoriKV.Server", "NoriKV.Client", "NoriKV.TestKit", "Nori.Wal", "Nori.SSTable",
            "Nori.Lsm", "Nori.Grpc", "NoriKV.Node", "NoriKV.Proto",
        ],
    };

    // Packages from outside, each with its decision record.
    private static readonly Dictionary<string, string[]> AllowedPackages = new(StringComparer.Ordinal)
    {
        ["Nori.Compression"] = ["IronSnappy"],
        ["Nori.Grpc.Server"] = ["Google.Protobuf", "Grpc.Tools"],
        ["NoriKV.Proto"] = ["Google.Protobuf", "Grpc.Tools"],
        ["NoriKV.Server"] = ["YamlDotNet"],
        ["NoriKV.Cli"] = ["System.CommandLine"],
    };

    [Fact]
    public void Every_project_references_only_rings_further_in()
    {
        List<string> wrong = [];
        foreach (Repository.Project project in Repository.Projects)
        {
            if (!Allowed.TryGetValue(project.Name, out string[]? allowed))
                wrong.Add($"{project.Name} has no line in LayeringTests.Allowed: say which ring it belongs to");
            else
                wrong.AddRange(project.References.Except(allowed).Select(r => $"{project.Name} must not know {r}"));
        }

        Assert.Empty(wrong);
        Assert.NotEmpty(Repository.Projects);
    }

    [Fact]
    public void Every_dependency_from_outside_is_one_that_was_decided_on()
    {
        IEnumerable<string> wrong = Repository.Projects.SelectMany(p => p.PackageReferences
            .Except(AllowedPackages.GetValueOrDefault(p.Name, []))
            .Select(r => $"{p.Name} must not depend on {r} without a decision record and a line here"));
        Assert.Empty(wrong);
    }

    [Fact]
    public void No_reference_goes_round_in_a_circle()
    {
        Dictionary<string, Repository.Project> byName = Repository.Projects.ToDictionary(p => p.Name);
        foreach (Repository.Project project in Repository.Projects)
            Assert.DoesNotContain(project.Name, Reachable(project));

        IEnumerable<string> Reachable(Repository.Project p) =>
            p.References.SelectMany(r => Reachable(byName[r]).Append(r)).Distinct();
    }
}
