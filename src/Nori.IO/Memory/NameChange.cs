namespace Nori.IO;

/// <summary>
/// A create, link, rename or delete that no directory sync has covered yet: assignments that hold together or
/// not at all.
/// </summary>
internal sealed record NameChange(params NameChange.Assignment[] Assignments)
{
    public bool Touches(HashSet<DirectoryNode> directories)
    {
        foreach (Assignment a in Assignments)
        {
            if (directories.Contains(a.Directory)) return true;
        }

        return false;
    }

    public void ApplyDurably()
    {
        foreach (Assignment a in Assignments) a.Apply(a.Directory.DurableNames);
    }

    /// <summary>The name stands for the node; for nothing when null.</summary>
    internal readonly record struct Assignment(DirectoryNode Directory, string Name, Node? Node)
    {
        public void Apply(Dictionary<string, Node> names)
        {
            if (Node is null) names.Remove(Name);
            else names[Name] = Node;
        }
    }
}
