using System.Collections.Concurrent;
using Nori.Core;
using Nori.Raft.Core;

namespace Nori.Raft;

/// <summary>
/// One replica of one group: drives the core with a log, a state machine, snapshots and a way to the other replicas that
/// the caller brings. A command that is answered as applied is durable on a majority of them.
/// </summary>
/// <remarks>
/// Thread-safe. Four threads of its own: the protocol, the log, the state machine, snapshots; a slow one holds up the
/// others no more than it must. Without loops (<see cref="RaftNodeOptions.RunLoops"/>) the caller steps them, and equal
/// inputs give equal runs. A failure of the log, the snapshots, the transport or the state machine is fatal:
/// <see cref="Failure"/> says which, and the replica takes nothing more.
/// </remarks>
public sealed partial class RaftNode : IAsyncDisposable
{
    // The order of files: this one (state, what callers see), Start, Steps (who runs what, the end), Inputs (frames,
    // ticks, commands), Reads, Ready (what the core wants done), Snapshots, Members.
    private readonly RaftNodeOptions _options;
    private readonly RaftCore _core;
    private readonly EntryTail _tail;
    private readonly LogWriter _writer;
    private readonly Applier _applier;
    private readonly SnapshotExchange _exchange;
    private readonly RaftMetrics _metrics;
    private readonly Slots _commandSlots;
    private readonly Slots _readSlots;

    // What comes to the owner, from any thread.
    private readonly ConcurrentQueue<PendingCommand> _commands = new();
    private readonly ConcurrentQueue<ReadCall> _newReads = new();
    private readonly ConcurrentQueue<Action> _calls = new();
    private readonly ConcurrentQueue<ReadOnlyMemory<byte>> _inbox = new();
    private int _inboxFrames;
    private long _inboxBytes;

    private RaftNodeStatus _status;
    private Exception? _failure;
    private volatile bool _isStopped;

    /// <summary>This replica.</summary>
    public ReplicaId Replica => _options.Replica;

    /// <summary>How it stands. Cheap; a moment old.</summary>
    public RaftNodeStatus Status => Volatile.Read(ref _status);

    /// <summary>Who leads, as far as this replica knows; none.</summary>
    public ReplicaId Leader => Status.Leader;

    /// <summary>True when this replica leads, as far as it knows.</summary>
    public bool IsLeader => Status.Role == RaftRole.Leader;

    /// <summary>The state machine holds every entry up to here.</summary>
    public LogIndex Applied => _applier.Applied;

    /// <summary>What ended this replica; null while it works or when it was stopped.</summary>
    public Exception? Failure => Volatile.Read(ref _failure);

    /// <summary>Completes when the replica has failed; never otherwise.</summary>
    public Task Failed => _failed.Task;

    /// <summary>
    /// Proposes a command: it is put into the log, made durable on a majority, applied, and the state machine's result comes
    /// back. Only the leader takes commands.
    /// </summary>
    /// <param name="data">The command; copied before the call returns.</param>
    /// <param name="cancellationToken">
    /// Ends the waiting. Before the command is in the log this throws; from then on the answer is
    /// <see cref="CommandStatus.Unknown"/>: it may be executed all the same.
    /// </param>
    /// <exception cref="ArgumentOutOfRangeException">It is longer than <see cref="RaftNodeOptions.CommandBytesMax"/>.</exception>
    /// <exception cref="OperationCanceledException">Cancelled before it was in the log: it is not executed.</exception>
    /// <exception cref="RaftStoppedException">The replica had stopped before it took the command.</exception>
    public ValueTask<CommandResult> ProposeAsync(
        ReadOnlyMemory<byte> data, CancellationToken cancellationToken = default)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(data.Length, _options.CommandBytesMax);
        if (cancellationToken.IsCancellationRequested) return ValueTask.FromCanceled<CommandResult>(cancellationToken);
        ThrowIfStopped();
        if (!_commandSlots.TryEnter())
            return new(new CommandResult(CommandStatus.Overloaded, default, default, default, Leader));
        PendingCommand command = new(data.ToArray(), _commandSlots);
        _commands.Enqueue(command);
        // Either the owner sees the command when it clears up, or this sees that it did.
        if (_isStopped) command.Abandon(Failure);
        WakeOwner();
        // Without a token the task is complete when its command is: nothing of it runs elsewhere.
        return cancellationToken.CanBeCanceled ? WaitAsync(command, cancellationToken) : new(command.Task);
    }

    /// <summary>
    /// Reads the state machine, between two commands, so that it needs no lock. Waits through elections, for
    /// <see cref="RaftNodeOptions.Patience"/> at most.
    /// </summary>
    /// <param name="read">Reads. May be called twice, when a lease ran out meanwhile. Short: nothing is applied beside it.</param>
    /// <param name="consistency">What it may miss.</param>
    /// <param name="cancellationToken">Ends the waiting.</param>
    /// <exception cref="RaftStoppedException">The replica stopped.</exception>
    public ValueTask<ReadResult<T>> ReadAsync<T>(
        Func<T> read,
        ReadConsistency consistency = ReadConsistency.Linearizable,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(read);
        if (cancellationToken.IsCancellationRequested) return ValueTask.FromCanceled<ReadResult<T>>(cancellationToken);
        ThrowIfStopped();
        if (!_readSlots.TryEnter()) return new(new ReadResult<T>(ReadStatus.Overloaded, default, default, false));
        ReadCall<T> call = new(read, consistency, _readSlots);
        _newReads.Enqueue(call);
        if (_isStopped) call.Abandon(Failure);
        WakeOwner();
        return cancellationToken.CanBeCanceled ? WaitAsync(call, cancellationToken) : new(call.Task);
    }

    /// <summary>
    /// Completes when the state machine holds everything that was acknowledged before the call: what is read from it then,
    /// by the caller's own means, is linearizable.
    /// </summary>
    /// <exception cref="RaftStoppedException">The replica stopped.</exception>
    public ValueTask<ReadResult<LogIndex>> ReadBarrierAsync(CancellationToken cancellationToken = default) =>
        ReadAsync(() => _applier.Applied, ReadConsistency.Linearizable, cancellationToken);

    private static async ValueTask<CommandResult> WaitAsync(PendingCommand command, CancellationToken cancellationToken)
    {
        CancellationTokenRegistration registration = cancellationToken.UnsafeRegister(
            static (state, token) => ((PendingCommand)state!).Cancel(token), command);
        await using (registration.ConfigureAwait(false)) return await command.Task.ConfigureAwait(false);
    }

    private static async ValueTask<ReadResult<T>> WaitAsync<T>(ReadCall<T> call, CancellationToken cancellationToken)
    {
        CancellationTokenRegistration registration = cancellationToken.UnsafeRegister(
            static (state, token) => ((ReadCall<T>)state!).Cancel(token), call);
        await using (registration.ConfigureAwait(false)) return await call.Task.ConfigureAwait(false);
    }

    internal RaftNodeOptions Options => _options;

    private void ThrowIfStopped()
    {
        if (_isStopped) throw new RaftStoppedException(Failure);
    }
}
