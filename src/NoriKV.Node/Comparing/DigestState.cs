namespace NoriKV.Node.Comparing;

/// <summary>Where a digest that was asked for stands. Part of the format.</summary>
internal enum DigestState : byte
{
    /// <summary>There is none, and none is coming.</summary>
    None = 0,

    /// <summary>Not yet.</summary>
    Coming = 1,

    /// <summary>It is there.</summary>
    Done = 2,
}
