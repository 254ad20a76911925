using Nori.Core;
using Nori.Swim.Core.Wire;

namespace Nori.Swim.Core;

// What overrides what: SWIM §4.2, with failures that a higher incarnation undoes (as members come back).
//
//   Alive(i)   beats Alive(j), Suspect(j), Failed(j), Left(j)   for i > j
//   Suspect(i) beats Alive(j) for i >= j, Suspect(j) for i > j; for i = j it is a confirmation
//   Failed(i), Left(i) beat Alive(j), Suspect(j)                 for i >= j
public sealed partial class SwimCore
{
    private const long ReapIntervalTicks = 60 * SwimConfig.Second;

    // Half of what there is, so that one never heard of can still refute for ever.
    private const ulong FirstIncarnationMax = MessageReader.IncarnationMax / 2;

    /// <param name="update">The claim.</param>
    /// <param name="isFullState">From an exchange of everything, where Failed is only hearsay.</param>
    private void Apply(in MemberUpdate update, bool isFullState)
    {
        bool isSelf = update.Id.SequenceEqual(_self.IdBytes);
        Member? member = isSelf ? _self : _members.Find(update.Id);
        if (!IsPlausible(member, update.Incarnation))
        {
            Counts.Drop(MessageDrop.Implausible);
            return;
        }

        if (isSelf)
        {
            ApplyToSelf(update);
            return;
        }

        if (member is not null && update.Incarnation < member.Incarnation
            && update.State is MemberState.Suspect or MemberState.Failed) Correct(member!);
        switch (update.State)
        {
            case MemberState.Alive:
                ApplyAlive(member, update);
                break;
            case var _ when member is { IsActive: false }:
                RaiseGone(member, update);
                break;
            case MemberState.Suspect when member is not null:
                Suspect(member, update.Incarnation, update.Accuser);
                break;
            case MemberState.Failed or MemberState.Left when member is null:
                if (isFullState) AddGone(update);
                break;
            case MemberState.Failed when isFullState && member!.IsActive:
                // Two halves of a healed cluster hold each other dead: the accused gets its chance to refute.
                Suspect(member, update.Incarnation, update.Accuser);
                break;
            case MemberState.Failed:
                Fail(member!, update.Incarnation, update.Accuser);
                break;
            case MemberState.Left:
                Depart(member!, update.Incarnation);
                break;
        }
    }

    /// <summary>
    /// Nobody gets 2^48 ahead by counting. Without this one forged claim near the greatest number would hold its
    /// victim dead for ever, as there would be no higher number left to refute with.
    /// </summary>
    private static bool IsPlausible(Member? member, ulong incarnation) => member is null
        ? incarnation <= FirstIncarnationMax
        : incarnation <= member.Incarnation || incarnation - member.Incarnation <= IncarnationStartMax;

    /// <summary>
    /// Later news of one that is gone: it was about under a higher incarnation than we knew. Remembering that keeps
    /// an Alive from between the two, late or sent twice, from reviving it.
    /// </summary>
    private void RaiseGone(Member member, in MemberUpdate update)
    {
        if (update.Incarnation <= member.Incarnation) return;
        bool hasLeft = update.State == MemberState.Left && member.State != MemberState.Left;
        _members.SetState(member, hasLeft ? MemberState.Left : member.State, update.Incarnation, _now);
        if (hasLeft) Announce(SwimEventKind.Left, member);
    }

    private void ApplyToSelf(in MemberUpdate update)
    {
        if (_isLeaving) return;
        bool isOwnLife = update.State != MemberState.Alive || update.Instance == _self.Instance;
        if (isOwnLife && update.State == MemberState.Alive && update.Incarnation <= _self.Incarnation) return;
        if (!isOwnLife) NoteOtherLife(update);
        if (update.Incarnation < _self.Incarnation)
        {
            // Old news about us is still about: say again what holds now.
            if (!_self.IsQueued && update.State != MemberState.Alive) _broadcasts.Add(_self);
            return;
        }

        // "it refutes with an Alive of a higher incarnation" (SWIM §4.2); a former life's number is passed likewise.
        ulong above = Math.Max(update.Incarnation, _self.Incarnation) + 1;
        if (above > MessageReader.IncarnationMax) return;
        if (update.State is MemberState.Suspect or MemberState.Failed)
        {
            Counts.Refutations++;
            _health.Add(1);
        }

        _members.SetState(_self, MemberState.Alive, above, _now);
        _broadcasts.Add(_self);
    }

    private void ApplyAlive(Member? member, in MemberUpdate update)
    {
        if (member is null)
        {
            member = Admit(update.Id);
            if (member is null) return;
            member.Describe(update.Instance, update.Protocol, update.Address, update.Metadata, _config.Names);
            _members.SetState(member, MemberState.Alive, update.Incarnation, _now);
            _order.Add(member);
            Announce(SwimEventKind.Joined, member);
            return;
        }

        // Equal to a Failed without description: the former life of a member known only as gone.
        if (update.Incarnation <= member.Incarnation) return;
        bool wasGone = !member.IsActive, wasSuspect = member.State == MemberState.Suspect;
        bool isSameLife = update.Instance == member.Instance;
        bool isFlap = wasGone && isSameLife && member.State == MemberState.Failed;
        bool isUpdated = !update.Metadata.SequenceEqual(member.Metadata)
            || !update.Address.SequenceEqual(member.AddressBytes) || update.Protocol != member.Protocol;
        if (isFlap) Counts.Flaps++;
        if (wasSuspect) _suspects.Remove(member);
        if (wasGone) _order.Add(member);
        member.Describe(update.Instance, update.Protocol, update.Address, update.Metadata, _config.Names);
        _members.SetState(member, MemberState.Alive, update.Incarnation, _now);
        _broadcasts.Add(member);
        if (wasGone || !isSameLife) Ready.Events.Add(new SwimEvent(SwimEventKind.Joined, member.View, isFlap));
        else if (wasSuspect) Ready.Events.Add(new SwimEvent(SwimEventKind.Alive, member.View));
        if (isUpdated && !wasGone && isSameLife) Ready.Events.Add(new SwimEvent(SwimEventKind.Updated, member.View));
    }

    private void Suspect(Member member, ulong incarnation, ReadOnlySpan<byte> accuser)
    {
        if (member == _self || !member.IsActive || incarnation < member.Incarnation) return;
        if (accuser.SequenceEqual(member.IdBytes)) return;
        if (member.State == MemberState.Suspect && incarnation == member.Incarnation)
        {
            // The first K independent accusers are passed on, so that every timer shortens (Lifeguard §IV-B).
            if (!_config.DynamicSuspicion || member.Suspicion!.IsConfirmed) return;
            byte[] another = Name(accuser);
            if (!member.Suspicion!.Confirm(another)) return;
            _suspects.Note(member);
            member.Accuser = another;
            _broadcasts.Add(member);
            return;
        }

        bool wasAlive = member.State == MemberState.Alive;
        _members.SetState(member, MemberState.Suspect, incarnation, _now);
        member.Accuser = Name(accuser);
        member.Suspicion = NewSuspicion(member.Accuser);
        _broadcasts.Add(member);
        if (!wasAlive)
        {
            _suspects.NoteLater();
            return;
        }

        _suspects.Add(member);
        Ready.Events.Add(new SwimEvent(SwimEventKind.Suspect, member.View));
        if (!accuser.SequenceEqual(_self.IdBytes)) CheckForMyself(member);
    }

    /// <summary>An id to keep: that of the member where it is known, else a copy.</summary>
    private byte[] Name(ReadOnlySpan<byte> id) => _members.Find(id)?.IdBytes ?? id.ToArray();

    private Suspicion NewSuspicion(byte[] accuser)
    {
        int n = _members.ActiveCount;
        long min = (long)(_config.SuspicionMinTicks * Math.Max(1, Math.Log10(n)));
        long max = _config.DynamicSuspicion ? min * _config.SuspicionMaxFactor : min;

        // Neither this node's first word nor the accused counts: n − 2 are left to confirm.
        return new Suspicion(_now, min, max, Math.Min(_config.ConfirmationsMax, n - 2), accuser);
    }

    /// <summary>
    /// A few members probe a new suspect at once: confirmations come within a period, whatever the order of turns,
    /// and the suspect gets a constant number of extra probes, however many members there are.
    /// </summary>
    private void CheckForMyself(Member suspect)
    {
        int others = _members.ActiveCount - 2;
        if (others <= 0 || _isLeaving || IsProbing(suspect)) return;
        if (_prng.Chance((double)_config.ConfirmationProbes / others)) BeginProbe(suspect);
    }

    private void StepSuspicions()
    {
        if (_now < _suspects.NextDeadline) return;
        for (int i = _suspects.Count - 1; i >= 0; i--)
        {
            Member suspect = _suspects[i];
            if (_now >= suspect.Suspicion!.Deadline) Fail(suspect, suspect.Incarnation, _self.IdBytes);
        }
    }

    private void Fail(Member member, ulong incarnation, ReadOnlySpan<byte> accuser)
    {
        if (member == _self || !member.IsActive || incarnation < member.Incarnation) return;
        Counts.FailedMembers++;
        member.Accuser = Name(accuser);
        Remove(member, MemberState.Failed, incarnation);
        Announce(SwimEventKind.Failed, member);
    }

    private void Depart(Member member, ulong incarnation)
    {
        if (!member.IsActive || incarnation < member.Incarnation) return;
        Remove(member, MemberState.Left, incarnation);
        Announce(SwimEventKind.Left, member);
    }

    private void Remove(Member member, MemberState state, ulong incarnation)
    {
        if (member.State == MemberState.Suspect) _suspects.Remove(member);
        _order.Remove(member);
        _members.SetState(member, state, incarnation, _now);
    }

    private void Announce(SwimEventKind kind, Member member)
    {
        _broadcasts.Add(member);
        Ready.Events.Add(new SwimEvent(kind, member.View));
    }

    /// <summary>Remembers one that was gone before we came, so that its old Alive does not take us in.</summary>
    private void AddGone(in MemberUpdate update)
    {
        Member? member = Admit(update.Id);
        if (member is null) return;
        member.Accuser = update.Accuser.ToArray();
        _members.SetState(member, update.State, update.Incarnation, _now);
    }

    private Member? Admit(ReadOnlySpan<byte> id)
    {
        if (_members.Count >= _config.MembersMax && !TryForgetOldest())
        {
            Counts.Refused++;
            return null;
        }

        (string text, byte[] bytes) = _config.Names.Keep(id);
        Member member = new(new MemberId(text), bytes);

        // In the table before it has a state: it counts as active from its first SetState on.
        _members.Add(member);
        return member;
    }

    private bool TryForgetOldest()
    {
        Member? oldest = null;
        for (int i = 0; i < _members.Count; i++)
        {
            Member member = _members[i];
            if (!member.IsActive && member != _self && (oldest is null || member.ChangedAt < oldest.ChangedAt)) oldest = member;
        }

        if (oldest is null) return false;
        Forget(oldest);
        return true;
    }

    private void Reap()
    {
        _nextReap = _now + ReapIntervalTicks;
        for (int i = _members.Count - 1; i >= 0; i--)
        {
            Member member = _members[i];
            if (member == _self || member.IsActive) continue;
            if (_now - member.ChangedAt >= _config.GoneRetentionTicks) Forget(member);
        }
    }

    private void Forget(Member member)
    {
        Invariant.Assert(!member.IsActive);
        _broadcasts.Remove(member);
        _members.Remove(member);
    }
}
