using Nori.Grpc;
using NoriKV.Node.Ports;
using NoriKV.Types;

namespace NoriKV.Transport.Grpc;

/// <summary>The streams to one node: one for each channel, each on a connection of its own.</summary>
internal sealed class PeerLinks : IAsyncDisposable
{
    private readonly FrameLink _raft;
    private readonly FrameLink _snapshot;

    public PeerLinks(PeerTransportOptions options, PeerIdentity self, NodeNumber target, string address)
    {
        Address = address;
        _raft = Make(PeerChannel.Raft);
        _snapshot = Make(PeerChannel.Snapshot);

        FrameLink Make(PeerChannel channel)
        {
            PeerHello hello = new(
                channel, PeerTransportOptions.ProtocolMin, PeerTransportOptions.ProtocolMax, self.Node, target,
                self.ClusterId, self.StoreUuid);
            return new FrameLink(options.ToLink(address, hello.Encode(), answer => Judge(options, hello, answer.Span)));
        }
    }

    public string Address { get; }

    public bool IsConnected => _raft.IsConnected;

    public long DroppedFrames => _raft.DroppedFrames + _snapshot.DroppedFrames;

    public string? LastFailure => _raft.LastFailure ?? _snapshot.LastFailure;

    public FrameLink this[PeerChannel channel] => channel == PeerChannel.Raft ? _raft : _snapshot;

    public async ValueTask DisposeAsync()
    {
        await _raft.DisposeAsync().ConfigureAwait(false);
        await _snapshot.DisposeAsync().ConfigureAwait(false);
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
