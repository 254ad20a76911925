namespace NoriKV.Node.Machine;

/// <summary>Whether an outcome is a first answer.</summary>
public enum ReplayKind
{
    /// <summary>It is.</summary>
    None,

    /// <summary>The same request came before: its first answer again.</summary>
    Same,

    /// <summary>The key and operation came before with another payload: the first answer all the same.</summary>
    PayloadDiffers,
}
