using Nori.Raft.Core;

namespace Nori.Raft;

/// <summary>A command and whoever waits for it. Completed once, by whom it may concern first.</summary>
internal sealed class PendingCommand(ReadOnlyMemory<byte> data, Slots slots)
{
    private readonly TaskCompletionSource<CommandResult> _done = new(TaskCreationOptions.RunContinuationsAsynchronously);

    // 0 waits for the owner, 1 the owner has it, 2 was cancelled before.
    private int _state;

    public ReadOnlyMemory<byte> Data => data;

    public Task<CommandResult> Task => _done.Task;

    public LogIndex Index { get; private set; }

    public Term Term { get; private set; }

    /// <summary>One of an earlier term that waits for what is committed at the same index.</summary>
    public PendingCommand? Earlier { get; set; }

    public long Deadline { get; set; }

    public long Started { get; set; }

    /// <summary>False when it was cancelled: it is not to be executed.</summary>
    public bool TryTake() => Interlocked.CompareExchange(ref _state, 1, 0) == 0;

    public void Place(LogIndex index, Term term) => (Index, Term) = (index, term);

    public void Applied(ReadOnlyMemory<byte> result) =>
        Complete(new CommandResult(CommandStatus.Applied, result, Term, Index, default));

    public void Refuse(CommandStatus status, ReplicaId leader) =>
        Complete(new CommandResult(status, default, Term, Index, leader));

    /// <summary>Before the owner has it, it is surely not executed; afterwards nobody can tell.</summary>
    public void Cancel(CancellationToken cancellationToken)
    {
        if (Interlocked.CompareExchange(ref _state, 2, 0) != 0) Refuse(CommandStatus.Unknown, default);
        else if (_done.TrySetCanceled(cancellationToken)) slots.Leave();
    }

    /// <summary>The replica stopped.</summary>
    public void Abandon(Exception? failure)
    {
        if (Interlocked.CompareExchange(ref _state, 2, 0) != 0) Refuse(CommandStatus.Unknown, default);
        else if (_done.TrySetException(new RaftStoppedException(failure))) slots.Leave();
    }

    private void Complete(in CommandResult result)
    {
        if (_done.TrySetResult(result)) slots.Leave();
    }
}
