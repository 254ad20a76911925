namespace Nori.Swim.Core;

/// <summary>The suspected members, and when the first of them runs out: asked on every message, so it is kept.</summary>
internal sealed class SuspectList
{
    private readonly List<Member> _suspects = [];
    private long _next = long.MaxValue;
    private bool _isStale;

    public int Count => _suspects.Count;

    public Member this[int index] => _suspects[index];

    /// <summary>The earliest deadline; never, when nobody is suspected.</summary>
    public long NextDeadline
    {
        get
        {
            if (_isStale)
            {
                (_isStale, _next) = (false, long.MaxValue);
                foreach (Member suspect in _suspects) Note(suspect);
            }

            return _next;
        }
    }

    public void Add(Member suspect)
    {
        _suspects.Add(suspect);
        Note(suspect);
    }

    /// <summary>Takes note of a deadline that is new or nearer than it was.</summary>
    public void Note(Member suspect) => _next = Math.Min(_next, suspect.Suspicion!.Deadline);

    /// <summary>A suspicion began anew: its deadline may be later than it was.</summary>
    public void NoteLater() => _isStale = true;

    public void Remove(Member suspect) => _isStale |= _suspects.Remove(suspect);

    /// <summary>Takes time out in which this process stood still.</summary>
    public void Shift(long ticks)
    {
        foreach (Member suspect in _suspects) suspect.Suspicion!.Shift(ticks);
        _isStale = true;
    }
}
