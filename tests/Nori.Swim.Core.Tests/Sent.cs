using System.Text;
using Nori.Swim.Core.Wire;

namespace Nori.Swim.Core.Tests;

/// <summary>A sent datagram, read back.</summary>
internal sealed record Sent(
    long At, string Address, MessageKind Kind, uint Sequence, string Target, int Bytes, IReadOnlyList<string> Updates)
{
    public static Sent Read(long at, OutgoingDatagram datagram)
    {
        Assert.Equal(MessageDrop.None, MessageReader.TryRead(datagram.Payload.Span, 512, out MessageReader reader));
        List<string> updates = [];
        while (reader.TryNext(out MemberUpdate u))
        {
            string accuser = u.Accuser.IsEmpty ? string.Empty : " by " + Encoding.ASCII.GetString(u.Accuser);
            updates.Add($"{u.State} {Encoding.ASCII.GetString(u.Id)} i{u.Incarnation}{accuser}");
        }

        return new Sent(
            at,
            datagram.Address,
            reader.Kind,
            reader.Sequence,
            Encoding.ASCII.GetString(reader.Target),
            datagram.Payload.Length,
            updates);
    }

    public override string ToString() =>
        $"{At / 1000,7} -> {Address} {Kind}{(Target.Length > 0 ? " of " + Target : string.Empty)}"
        + (Updates.Count > 0 ? " [" + string.Join("; ", Updates) + "]" : string.Empty);
}
