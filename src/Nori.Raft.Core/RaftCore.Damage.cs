namespace Nori.Raft.Core;

// A replica whose log was damaged once held, and confirmed, more than it holds now. It neither votes nor
// leads until it holds everything that its leader held at some moment after this start: whatever it confirmed
// and was committed is among that.
public sealed partial class RaftCore
{
    private bool _damaged;
    private ulong _healContext;
    private LogIndex? _healTarget;

    /// <summary>True while it neither votes nor leads because it may lack what it once confirmed.</summary>
    public bool IsDamaged => _damaged;

    // The leader says at most what this replica confirmed to it in this term, and nothing of that is ever cut off in the
    // term. Who holds less has lost it unnoticed: damage in the very last write looks like a write that a crash cut.
    private void NoteLoss(LogIndex confirmed)
    {
        if (_damaged || confirmed <= _log.LastIndex) return;
        _damaged = true;
        (_healContext, _healTarget) = (0, null);
    }

    private void AskToHeal()
    {
        if (!_damaged || _healTarget is not null) return;
        // New with each start: an answer to the process before tells of a moment before this start.
        if (_healContext == 0) _healContext = _random.NextUInt64() | 1;
        Send(_leader, MessageKind.Heal, r => r with { Index = _log.LastIndex, Context = _healContext });
    }

    private StepResult OnHeal(Progress peer, in RaftMessage m)
    {
        peer.OnLost(m.Index);
        // Also to one that lost nothing this leader knows of, in a group without work: it waits to hear where both agree.
        peer.EmptyAppendDue = true;
        _appendsDue = true;
        if (_sleep != SleepState.Awake) WakeUp();
        LogIndex last = _log.LastIndex;
        Send(m, MessageKind.HealResponse, (r, heal) => r with { Index = last, Context = heal.Context });
        return StepResult.Processed;
    }

    private StepResult OnHealResponse(in RaftMessage m)
    {
        if (!_damaged || m.Context != _healContext || _healTarget is not null) return StepResult.Ignored;
        _healTarget = m.Index;
        HealIfWhole();
        return StepResult.Processed;
    }

    private void HealIfWhole()
    {
        if (!_damaged || _healTarget is not { } target) return;
        if (_matchedThrough < target || _durable < target) return;
        _damaged = false;
        _healTarget = null;
        Emit(RaftEventKind.Healed, _leader, target);
    }
}
