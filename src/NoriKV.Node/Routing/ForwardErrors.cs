using System.Text;
using Nori.Core;
using NoriKV.Types;

namespace NoriKV.Node.Routing;

// An error that one node tells another. Part of docs/formats/forward.md:
//   code u8 (KvCode) | leader's node number varint, 0 none | retry after ms varint, 0 none | length varint, message in UTF-8
internal static class ForwardErrors
{
    private const int MessageBytesMax = 4096;

    public static int BytesMax => 1 + (3 * Varint.BytesMax) + MessageBytesMax;

    public static int Write(Span<byte> target, KvError error, NodeNumber leader)
    {
        int at = 0;
        target[at++] = (byte)error.Code;
        at += Varint.Write(target[at..], leader.Value);
        at += Varint.Write(target[at..], (ulong)(error.RetryAfter?.TotalMilliseconds ?? 0));
        string message = error.Message;
        // Cut by characters: at most three bytes of UTF-8 each.
        if (message.Length > MessageBytesMax / 3) message = message[..(MessageBytesMax / 3)];
        int bytes = Encoding.UTF8.GetByteCount(message);
        at += Varint.Write(target[at..], (ulong)bytes);
        return at + Encoding.UTF8.GetBytes(message, target[at..]);
    }

    public static bool TryRead(ref SpanReader reader, out KvError? error, out NodeNumber leader)
    {
        (error, leader) = (null, default);
        if (!reader.TryReadByte(out byte code) || code == (byte)KvCode.Ok || !Enum.IsDefined((KvCode)code)) return false;
        if (!reader.TryReadVarint(out ulong node) || !reader.TryReadVarint(out ulong retry)) return false;
        if (retry > int.MaxValue || !reader.TryReadLengthPrefixed(out ReadOnlySpan<byte> message)) return false;
        if (message.Length > MessageBytesMax) return false;
        leader = new NodeNumber(node);
        error = new KvError((KvCode)code, Encoding.UTF8.GetString(message))
        {
            RetryAfter = retry == 0 ? null : TimeSpan.FromMilliseconds(retry),
        };
        return true;
    }
}
