namespace NoriKV.TestKit.Simulation.Scheduling;

/// <summary>Events in the order of their moments: a heap with four children a node, as flat as an array.</summary>
/// <remarks>
/// A run takes some hundred thousand events a second out of it. What moves in it is numbers only: references would tell the
/// collector of each move.
/// </remarks>
internal sealed class EventHeap
{
    private const int Arity = 4;

    private Moment[] _heap = new Moment[256];
    private Event[] _events = new Event[256];

    // Places in _events that are free: one more for each event that is not there.
    private int[] _free = [.. Enumerable.Range(0, 256)];

    public int Count { get; private set; }

    /// <summary>When the next one is; there must be one.</summary>
    public long FirstTime => _heap[0].Time;

    public void Push(in Event added)
    {
        if (Count == _heap.Length) Grow();
        int place = _free[Count];
        _events[place] = added;
        var moment = new Moment(added.Time, added.Tie, place);
        int at = Count++;
        while (at > 0)
        {
            int parent = (at - 1) / Arity;
            if (!moment.IsBefore(_heap[parent])) break;
            _heap[at] = _heap[parent];
            at = parent;
        }

        _heap[at] = moment;
    }

    /// <summary>Takes the next one out; there must be one.</summary>
    public Event Pop()
    {
        int place = _heap[0].Place;
        Event first = _events[place];
        _events[place] = default;
        Moment last = _heap[--Count];
        _free[Count] = place;
        if (Count > 0) Sink(last);
        return first;
    }

    // Moves the hole at the top down to where the last event belongs.
    private void Sink(Moment last)
    {
        int at = 0;
        while (true)
        {
            int child = (at * Arity) + 1;
            if (child >= Count) break;
            int least = child;
            int end = Math.Min(child + Arity, Count);
            for (int i = child + 1; i < end; i++)
            {
                if (_heap[i].IsBefore(_heap[least])) least = i;
            }

            if (last.IsBefore(_heap[least])) break;
            _heap[at] = _heap[least];
            at = least;
        }

        _heap[at] = last;
    }

    private void Grow()
    {
        int before = _heap.Length;
        Array.Resize(ref _heap, 2 * before);
        Array.Resize(ref _events, 2 * before);
        Array.Resize(ref _free, 2 * before);
        for (int i = before; i < _free.Length; i++) _free[i] = i;
    }

    private readonly struct Moment(long time, ulong tie, int place)
    {
        private readonly ulong _tie = tie;

        public long Time { get; } = time;

        public int Place { get; } = place;

        public bool IsBefore(in Moment other) => Time != other.Time ? Time < other.Time : _tie < other._tie;
    }
}
