using NoriKV.Types;

namespace NoriKV.Server.Live;

/// <summary>A node of the cluster as it is shown.</summary>
/// <param name="Number">Its number.</param>
/// <param name="Name">Its name.</param>
/// <param name="Address">Where its clients dial.</param>
/// <param name="Zone">Where it stands; empty where nobody said.</param>
/// <param name="State">What the registry says of it.</param>
/// <param name="Picture">What it last showed; null while it is silent.</param>
internal sealed record LiveNodeView(
    NodeNumber Number, string Name, string Address, string Zone, string State, NodePicture? Picture);
