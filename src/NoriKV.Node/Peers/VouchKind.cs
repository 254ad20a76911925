namespace NoriKV.Node.Peers;

/// <summary>What a <see cref="VouchFrame"/> says. Part of the format.</summary>
internal enum VouchKind : byte
{
    /// <summary>None; never sent.</summary>
    None = 0,

    /// <summary>The sender shows how far it remembers, and a new mark to be kept.</summary>
    Present = 1,

    /// <summary>The sender remembers nothing later of the receiver, and keeps its new mark durably.</summary>
    Kept = 2,

    /// <summary>The sender remembers nothing later of the receiver; its disk is full, so that it keeps the mark that it had.</summary>
    NotKept = 3,

    /// <summary>The sender remembers a later mark of the receiver, which has forgotten it.</summary>
    Later = 4,
}
