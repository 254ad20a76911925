namespace NoriKV.Server.Live;

/// <summary>A node's last hour as it told it.</summary>
/// <param name="Names">Its figures.</param>
/// <param name="Samples">Oldest first; the first one's changes begin at nothing.</param>
/// <param name="Events">What happened, each a JSON object, oldest first.</param>
/// <param name="EventsDropped">Older events of the hour that the node does not remember.</param>
internal sealed record HourPicture(
    IReadOnlyList<string> Names,
    IReadOnlyList<HourSample> Samples,
    IReadOnlyList<ReadOnlyMemory<byte>> Events,
    ulong EventsDropped);
