using Nori.Swim.Core.Wire;

namespace Nori.Swim.Core;

// Dissemination: SWIM §4.1, with gossip rounds between the probes so that news need not wait for one.
public sealed partial class SwimCore
{
    private const int CorrectionsMax = 8;

    /// <summary>λ·⌈log10(n + 1)⌉: how often an update is sent before it is dropped.</summary>
    private int TransmitsMax =>
        _config.RetransmitFactor * (int)Math.Ceiling(Math.Log10(_members.ActiveCount + 1));

    // Members about whom the message at hand said what is refuted here already.
    private readonly List<Member> _corrections = [];

    /// <summary>
    /// A sender that still accuses somebody who refuted is answered with the refutation: it may have lost that to the
    /// network, and nobody would repeat it. One message for one message, so nothing can build up.
    /// </summary>
    private void Correct(Member member)
    {
        if (_config.BuddyNotice && member.State == MemberState.Alive && _corrections.Count < CorrectionsMax)
            _corrections.Add(member);
    }

    private void Gossip()
    {
        _nextGossip = _now + _config.GossipIntervalTicks;
        if (_broadcasts.Count == 0) return;
        _members.Pick(_prng, Fanout, IsWorthTelling, _picked);
        foreach (Member member in _picked)
        {
            if (_broadcasts.Count == 0) return;
            Begin(MessageKind.Gossip, 0);
            SendWithUpdates(member.Address, member);
        }

        // Nobody to tell: an update must not wait for ever for a member that may never come.
        if (_picked.Count == 0 && _members.ActiveCount <= 1) DropQueue();
    }

    // Without gossip rounds one who goes would tell nobody, as it begins no more probes.
    private int Fanout => _isLeaving ? Math.Max(1, _config.GossipFanout) : _config.GossipFanout;

    internal void DropQueue()
    {
        for (int i = 0; i < _members.Count; i++) _broadcasts.Remove(_members[i]);
    }

    private bool IsWorthTelling(Member member) =>
        member != _self && member.Address.Length > 0
        && (member.IsActive
            || (member.State == MemberState.Failed && _now - member.ChangedAt < _config.GossipToFailedTicks));

    private void Begin(MessageKind kind, uint sequence) =>
        _writer.Begin(kind, _cluster, _self, _health.Score, sequence);

    /// <summary>Ends the message begun: what the receiver must know first, then what is queued.</summary>
    private void SendWithUpdates(string address, Member? about = null, bool isAnswer = false)
    {
        _writer.BeginUpdates();
        if (isAnswer)
        {
            foreach (Member member in _corrections) _writer.TryAppend(member);
            _corrections.Clear();
        }

        // Lifeguard §IV-C, "buddy system": the accused hears of it from the very member that checks on it.
        bool isTold = about is not null && about != _self && NeedsNotice(about) && _writer.TryAppend(about);
        _broadcasts.Fill(_writer, TransmitsMax, isTold ? about : null);
        Ready.Datagrams.Add(new OutgoingDatagram(address, _writer.Finish()));
    }

    // One that pings us though we hold it gone is back under a lower incarnation: it must hear which to pass.
    private bool NeedsNotice(Member member) =>
        !member.IsActive || (_config.BuddyNotice && member.State == MemberState.Suspect);
}
