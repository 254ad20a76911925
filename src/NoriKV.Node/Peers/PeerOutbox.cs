using Nori.Raft;
using NoriKV.Node.Ports;
using NoriKV.Types;
using Raft = Nori.Raft.Core;

namespace NoriKV.Node.Peers;

/// <summary>What one step of a worker has for one peer; leaves as one frame.</summary>
/// <remarks>Owned by the worker.</remarks>
internal sealed class PeerOutbox(NodeNumber target, PeerSender sender)
{
    /// <summary>A frame that has grown to this leaves before the step ends.</summary>
    private const int FrameBytesMax = 4 << 20;

    private readonly FrameBuffer _messages = new();
    private uint _count;

    public NodeNumber Target { get; } = target;

    public bool IsEmpty => _count == 0;

    /// <summary>Adds a message with the bytes of the entries it names.</summary>
    public void Add(in Raft.RaftMessage message, IEntrySource entries)
    {
        RaftMessageCodec.Write(message, entries, _messages);
        _count++;
        if (_messages.Length >= FrameBytesMax) Flush();
    }

    /// <summary>Sends what there is.</summary>
    public void Flush()
    {
        if (_count == 0) return;
        sender.Send(Target, _count, _messages.Written);
        _messages.TruncateTo(0);
        _count = 0;
    }
}
