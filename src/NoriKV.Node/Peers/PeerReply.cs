using System.Text;

namespace NoriKV.Node.Peers;

/// <summary>The answer to a call.</summary>
/// <param name="Status">What became of it.</param>
/// <param name="Body">The method's answer, or why it was refused; a slice of the frame it came in.</param>
internal readonly record struct PeerReply(PeerReplyStatus Status, ReadOnlyMemory<byte> Body = default)
{
    /// <summary>It was answered.</summary>
    public bool IsOk => Status == PeerReplyStatus.Ok;

    /// <summary>True: the other node certainly did nothing.</summary>
    public bool WasNotTaken =>
        Status is PeerReplyStatus.Refused or PeerReplyStatus.Overloaded or PeerReplyStatus.NotSent;

    /// <summary>An answer.</summary>
    public static PeerReply Ok(ReadOnlyMemory<byte> body) => new(PeerReplyStatus.Ok, body);

    /// <summary>A refusal with its reason.</summary>
    public static PeerReply Refuse(string why) => new(PeerReplyStatus.Refused, Encoding.UTF8.GetBytes(why));
}
