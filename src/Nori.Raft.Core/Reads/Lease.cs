using Nori.Core;

namespace Nori.Raft.Core;

/// <summary>
/// How long nobody else can have become leader: from the moment a round was <b>sent</b> that a quorum
/// confirmed, for less than the time its voters keep their votes to themselves.
/// </summary>
/// <remarks>Stamps come from one monotonic clock, in nanoseconds. Not thread-safe.</remarks>
public sealed class Lease
{
    private const int RoundsMax = 64;
    private readonly long _durationNanoseconds;
    private readonly Queue<(ulong Round, long SentAt)> _sent = [];
    private long _start;
    private bool _isHeld;
    private bool _isForbidden;

    /// <summary>No lease yet.</summary>
    /// <param name="durationNanoseconds">How long a confirmed round lasts; 0 or less for no leases at
    /// all.</param>
    public Lease(long durationNanoseconds) => _durationNanoseconds = durationNanoseconds;

    /// <summary>A round is about to go out; the stamp was taken before.</summary>
    public void OnSent(ulong round, long nowNanoseconds)
    {
        // The oldest may be forgotten: confirming a later round is as good.
        if (_sent.Count == RoundsMax) _sent.Dequeue();
        _sent.Enqueue((round, nowNanoseconds));
    }

    /// <summary>A quorum confirmed the round, and with it each earlier one.</summary>
    public void OnConfirmed(ulong round)
    {
        while (_sent.TryPeek(out (ulong Round, long SentAt) first) && first.Round <= round)
        {
            _sent.Dequeue();
            _start = _isHeld ? Math.Max(_start, first.SentAt) : first.SentAt;
            _isHeld = true;
        }
    }

    /// <summary>The stamp of the last round sent that a quorum confirmed; nothing without a lease.</summary>
    public long Start => _start;

    /// <summary>When the lease ends that this round gave; nothing without a lease.</summary>
    public long End => _start + _durationNanoseconds;

    /// <summary>True when the lease still covers the moment.</summary>
    public bool Covers(long nowNanoseconds) =>
        _isHeld && !_isForbidden && _durationNanoseconds > 0 && nowNanoseconds - _start < _durationNanoseconds;

    /// <summary>
    /// Forgets the lease and all rounds sent so far; rounds sent from now on may give a new one.
    /// </summary>
    public void Drop()
    {
        _sent.Clear();
        _isHeld = false;
    }

    /// <summary>No lease until <see cref="Reset"/>: someone was told that the vote is free.</summary>
    public void Forbid() => _isForbidden = true;

    /// <summary>A new term begins.</summary>
    public void Reset()
    {
        Drop();
        _isForbidden = false;
    }
}
