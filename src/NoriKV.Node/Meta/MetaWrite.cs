namespace NoriKV.Node.Meta;

/// <summary>What became of a batch of changes.</summary>
internal enum MetaWrite
{
    /// <summary>All of them stand.</summary>
    Done,

    /// <summary>Somebody else was faster: none was made. Read again.</summary>
    Conflict,

    /// <summary>This node does not lead the meta group, or it has no majority; they may have been made.</summary>
    Failed,
}
