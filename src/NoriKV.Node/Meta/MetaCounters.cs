namespace NoriKV.Node.Meta;

/// <summary>What is given out once.</summary>
/// <param name="NextNode">The next node's number.</param>
/// <param name="NextReplica">The next replica's id.</param>
/// <param name="ViewEpochs">Views with an epoch below this may have been issued; a new meta leader begins here.</param>
internal sealed record MetaCounters(ulong NextNode, ulong NextReplica, ulong ViewEpochs);
