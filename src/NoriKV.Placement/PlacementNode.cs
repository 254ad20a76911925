using NoriKV.Types;

namespace NoriKV.Placement;

/// <summary>A node as the planner sees it.</summary>
/// <param name="Number">Its number.</param>
/// <param name="Name">Its id outside; decides its place on the ring.</param>
/// <param name="Zone">Its failure domain; empty where none is known: then it is a zone of its own.</param>
/// <param name="Draining">It gives up all its replicas and gets none.</param>
/// <param name="Silent">It keeps what it has, and gets nothing while another node can have it.</param>
public sealed record PlacementNode(
    NodeNumber Number, string Name, string Zone = "", bool Draining = false, bool Silent = false);
