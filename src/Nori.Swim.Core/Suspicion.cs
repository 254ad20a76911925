namespace Nori.Swim.Core;

/// <summary>
/// How long a suspected member has left: a deadline, no timer. Each independent accuser shortens it, from the
/// maximum to the minimum (Lifeguard §IV-B): max(Min, Max − (Max − Min)·log(C+1)/log(K+1)).
/// </summary>
internal sealed class Suspicion
{
    private readonly long _min;
    private readonly long _max;
    private readonly int _confirmationsMax;
    private readonly List<byte[]> _accusers = [];
    private long _start;

    /// <param name="start">Ticks at which it began.</param>
    /// <param name="min">Ticks with all confirmations.</param>
    /// <param name="max">Ticks with none.</param>
    /// <param name="confirmationsMax">K; 0 where nobody is left who could confirm.</param>
    /// <param name="accuser">Who suspected first; not a confirmation.</param>
    public Suspicion(long start, long min, long max, int confirmationsMax, byte[] accuser)
    {
        (_start, _min, _max, _confirmationsMax) = (start, min, Math.Max(min, max), Math.Max(0, confirmationsMax));
        _accusers.Add(accuser);
        Deadline = _start + Timeout(0);
    }

    /// <summary>C: independent accusers after the first.</summary>
    public int Confirmations => _accusers.Count - 1;

    /// <summary>True when no further accuser counts.</summary>
    public bool IsConfirmed => Confirmations >= _confirmationsMax;

    public long Deadline { get; private set; }

    /// <summary>Counts an accuser; false for one that accused before, or past the K-th.</summary>
    public bool Confirm(byte[] accuser)
    {
        if (IsConfirmed) return false;
        foreach (byte[] known in _accusers)
        {
            if (accuser.AsSpan().SequenceEqual(known)) return false;
        }

        _accusers.Add(accuser);
        Deadline = _start + Timeout(Confirmations);
        return true;
    }

    /// <summary>Takes time out in which this process stood still.</summary>
    public void Shift(long ticks) => (_start, Deadline) = (_start + ticks, Deadline + ticks);

    internal long Timeout(int confirmations)
    {
        if (_confirmationsMax == 0) return _min;
        double share = Math.Log(confirmations + 1) / Math.Log(_confirmationsMax + 1);
        return Math.Max(_min, _max - (long)((_max - _min) * share));
    }
}
