namespace Nori.IO;

/// <summary>A directory: the names everybody sees, and those that a power loss would leave.</summary>
internal sealed class DirectoryNode : Node
{
    public Dictionary<string, Node> Names { get; } = new(StringComparer.Ordinal);

    public Dictionary<string, Node> DurableNames { get; } = new(StringComparer.Ordinal);

    public override DirectoryNode Clone() => new();
}
