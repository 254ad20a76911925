namespace Nori.IO;

/// <summary>A file or a directory, apart from its names.</summary>
internal abstract class Node
{
    /// <summary>A copy that changes apart from this one; a directory's copy is still empty.</summary>
    public abstract Node Clone();
}
