using System.Reflection.Metadata;
using System.Reflection.PortableExecutable;

namespace NoriKV.Tidy;

/// <summary>
/// What the banned-symbol analyzer cannot see (fields, lock, async, foreach), read from the compiled assembly: a pure
/// project may refer to these types and no others.
/// </summary>
public sealed class PurityTests
{
    private static readonly string[] AllowedNamespaces =
    [
        "System", "System.Buffers", "System.Buffers.Binary", "System.Collections", "System.Collections.Generic",
        "System.Collections.Immutable", "System.Collections.Frozen", "System.Diagnostics",
        "System.Diagnostics.CodeAnalysis", "System.Globalization", "System.Linq", "System.Numerics",
        "System.Reflection", "System.Runtime.CompilerServices", "System.Runtime.InteropServices",
        "System.Runtime.Intrinsics", "System.Runtime.Intrinsics.X86", "System.Runtime.Versioning", "System.Text",
    ];

    private static readonly string[] ForbiddenTypes =
    [
        "System.DateTime", "System.DateTimeOffset", "System.Environment", "System.Random", "System.TimeProvider",
        "System.Diagnostics.Stopwatch", "System.Console", "System.GC",
    ];

    public static TheoryData<string> PureProjects => new(Repository.Projects
        .Select(p => p.Name)
        .Where(n => n.EndsWith(".Core", StringComparison.Ordinal) || n is "NoriKV.Types" or "NoriKV.Placement"));

    [Theory]
    [MemberData(nameof(PureProjects))]
    public void A_pure_project_refers_to_no_thread_clock_or_io(string project)
    {
        string[] wrong = ReferencedTypes(Path.Combine(AppContext.BaseDirectory, project + ".dll"))
            .Where(t => !IsAllowed(t))
            .ToArray();
        Assert.Empty(wrong);
    }

    [Fact]
    public void The_reader_sees_a_lock_and_an_async_method()
    {
        string[] types = ReferencedTypes(typeof(PurityTests).Assembly.Location).ToArray();
        Assert.Contains("System.Threading.Monitor", types);
        Assert.Contains(types, t => t.Contains("AsyncTaskMethodBuilder", StringComparison.Ordinal));
        Assert.All(types.Where(t => t is "System.Threading.Monitor"), t => Assert.False(IsAllowed(t)));
    }

    private static bool IsAllowed(string type)
    {
        if (ForbiddenTypes.Contains(type) || type.Contains("AsyncTaskMethodBuilder", StringComparison.Ordinal)
            || type.Contains("AsyncValueTaskMethodBuilder", StringComparison.Ordinal)) return false;
        int dot = type.LastIndexOf('.');
        string ns = dot < 0 ? string.Empty : type[..dot];
        return AllowedNamespaces.Contains(ns) || ns.StartsWith("Nori", StringComparison.Ordinal);
    }

    private static IEnumerable<string> ReferencedTypes(string assembly)
    {
        using PEReader pe = new(File.OpenRead(assembly));
        MetadataReader metadata = pe.GetMetadataReader();
        return metadata.TypeReferences
            .Select(metadata.GetTypeReference)
            .Where(t => t.ResolutionScope.Kind == HandleKind.AssemblyReference)
            .Select(t => $"{metadata.GetString(t.Namespace)}.{metadata.GetString(t.Name)}")
            .Where(t => !t.StartsWith("Microsoft.CodeAnalysis", StringComparison.Ordinal))
            .Distinct()
            .ToArray();
    }

    // Compiled in so that the test above has something to see.
    private static readonly object Gate = new();

    internal static async Task Waits()
    {
        lock (Gate)
        {
        }

        await Task.Yield();
    }
}
