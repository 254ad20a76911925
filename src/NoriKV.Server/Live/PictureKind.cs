namespace NoriKV.Server.Live;

/// <summary>What is asked of a node. Part of the format.</summary>
internal enum PictureKind : byte
{
    /// <summary>How it is now.</summary>
    Now = 1,

    /// <summary>How it was in the last hour.</summary>
    Hour = 2,
}
