using Nori.Grpc;
using NoriKV.Node.Ports;
using NoriKV.Types;

namespace NoriKV.Transport.Grpc;

/// <summary>The streams to one node: one for each channel, each on a connection of its own.</summary>
internal sealed class PeerLinks : IAsyncDisposable
{
    private static readonly PeerChannel[] s_channels = Enum.GetValues<PeerChannel>();

    // By channel; their numbers are small and without gaps.
    private readonly FrameLink[] _links;

    public PeerLinks(PeerTransportOptions options, PeerIdentity self, NodeNumber target, string address)
    {
        Address = address;
        _links = [.. s_channels.Select(Make)];

        FrameLink Make(PeerChannel channel)
        {
            PeerHello hello = new(
                channel, PeerTransportOptions.ProtocolMin, PeerTransportOptions.ProtocolMax, self.Node, target,
                self.ClusterId, self.StoreUuid);
            return new FrameLink(options.ToLink(address, hello.Encode(), answer => Judge(options, hello, answer.Span)));
        }
    }

    public string Address { get; }

    public bool IsConnected => this[PeerChannel.Raft].IsConnected;

    public long DroppedFrames => _links.Sum(static l => l.DroppedFrames);

    public string? LastFailure => Array.Find(_links, static l => l.LastFailure is not null)?.LastFailure;

    public FrameLink this[PeerChannel channel] => _links[(int)channel - (int)s_channels[0]];

    public async ValueTask DisposeAsync()
    {
        foreach (FrameLink link in _links) await link.DisposeAsync().ConfigureAwait(false);
    }

    // The address may lead to another node by now: nothing is sent to one that is not the one meant.
    private static string? Judge(PeerTransportOptions options, PeerHello sent, ReadOnlySpan<byte> answer)
    {
        if (!PeerHello.TryDecode(answer, out PeerHello hello)) return "the answer to the hello is none";
        if (hello.From != sent.To) return $"node {hello.From} answers there, not {sent.To}";
        if (hello.ClusterId != sent.ClusterId) return $"node {hello.From} belongs to cluster {hello.ClusterId}";
        return options.IsStoreOf(hello.From, hello.StoreUuid) ? null : $"node {hello.From} lives on another store than known";
    }
}
