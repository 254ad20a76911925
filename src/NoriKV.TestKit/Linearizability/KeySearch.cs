namespace NoriKV.TestKit.Linearizability;

/// <summary>
/// The search of Wing and Gong (1993) with Lowe's cache ("Testing for linearizability", 2017): walk the events in time order;
/// linearize a call that fits the state and lift it out of the list; on reaching a return whose call was not linearized,
/// put the last one back and try the next. A (set of linearized calls, state) seen before is not entered again.
/// </summary>
internal sealed class KeySearch
{
    private readonly Operation[] _operations;
    private readonly int _knownCount;
    private readonly int[] _twin;
    private readonly KeyRules _rules;
    private readonly KeyState _start;
    private readonly int[] _next;
    private readonly int[] _previous;
    private readonly int[] _matchingReturn;
    private readonly int[] _operationOf;
    private readonly HashSet<Configuration> _seen = [];
    private readonly Stack<(int Call, KeyState Before)> _order = new();

    private KeySearch(Operation[] operations, KeyRules rules, KeyState start)
    {
        // Those of unknown outcome behind the others: they stay open for ever, and a set that has them in its midst is never
        // full below.
        _operations = [.. operations.Where(static o => o.IsKnown), .. operations.Where(static o => !o.IsKnown)];
        operations = _operations;
        (_rules, _start) = (rules, start);
        _knownCount = operations.Count(static o => o.IsKnown);
        _twin = TwinsOf(operations, _knownCount);
        int count = operations.Length;
        (long Time, int Order, int Operation)[] events = new (long, int, int)[2 * count];
        for (int i = 0; i < count; i++)
        {
            // At equal times a call sorts before a return: the two are then concurrent, which accuses nobody falsely.
            events[2 * i] = (operations[i].Called, 0, i);
            events[(2 * i) + 1] = (operations[i].Returned, 1, i);
        }

        Array.Sort(events);

        // Node 0 is the head of a doubly linked list of events.
        _next = new int[(2 * count) + 1];
        _previous = new int[(2 * count) + 1];
        _matchingReturn = new int[(2 * count) + 1];
        _operationOf = new int[(2 * count) + 1];
        int[] callNode = new int[count];
        for (int node = 1; node <= 2 * count; node++)
        {
            (_, int order, int operation) = events[node - 1];
            _previous[node] = node - 1;
            _next[node - 1] = node;
            _operationOf[node] = operation;
            if (order == 0) callNode[operation] = node;
            else _matchingReturn[callNode[operation]] = node;
        }

        _next[2 * count] = 0;
    }

    /// <summary>True when the calls of one key fit into an order.</summary>
    public static bool IsLinearizable(Operation[] operations, CancellationToken cancellation = default) =>
        IsLinearizable(operations, KeyRules.Strict, default, new Bounds { Cancellation = cancellation });

    /// <summary>The same under other rules, from another first state; true, too, when the steps are used up.</summary>
    public static bool IsLinearizable(Operation[] operations, KeyRules rules, KeyState start, Bounds bounds) =>
        new KeySearch(UnseenCalls.Without(operations), rules, start).Search(bounds);

    /// <summary>An order into which the calls fit; null when there is none.</summary>
    public static IReadOnlyList<Operation>? FindOrder(
        Operation[] operations, KeyRules rules, KeyState start, Bounds bounds)
    {
        KeySearch search = new(UnseenCalls.Without(operations), rules, start);
        if (!search.Search(bounds)) return null;
        return [.. search._order.Reverse().Select(step => search._operations[search._operationOf[step.Call]])];
    }

    // Of each call of unknown outcome the last one before it that is the same, or -1.
    private static int[] TwinsOf(Operation[] operations, int from)
    {
        int[] twin = new int[operations.Length];
        Dictionary<(OperationKind, string?, string?), int> last = [];
        for (int i = from; i < operations.Length; i++)
        {
            (OperationKind, string?, string?) same = (operations[i].Kind, operations[i].Argument, operations[i].Expected);
            twin[i] = last.TryGetValue(same, out int before) ? before : -1;
            last[same] = i;
        }

        return twin;
    }

    private bool Search(Bounds bounds)
    {
        CallSet known = new(_knownCount), unknown = new(_operations.Length - _knownCount);
        KeyState state = _start;
        int node = _next[0];
        while (_next[0] != 0)
        {
            if (!bounds.TryStep()) return true;
            int operation = _operationOf[node];
            bool isKnown = operation < _knownCount;
            (CallSet set, int place) = isKnown ? (known, operation) : (unknown, operation - _knownCount);
            bool isCall = _matchingReturn[node] != 0;
            if (isCall)
            {
                KeyState after = state;
                if ((isKnown || IsWorthTrying(operation, unknown)) && _rules.TryApply(_operations[operation], ref after)
                    && (isKnown || after != state))
                {
                    set.Add(place);
                    if (_seen.Add(new Configuration(known.Copy(), unknown.Copy(), after)))
                    {
                        _order.Push((node, state));
                        state = after;
                        Lift(node);
                        node = _next[0];
                        continue;
                    }

                    set.Remove(place);
                }

                node = _next[node];
            }
            else
            {
                // An unknown outcome returns at the end of time: what is left by then need never have happened.
                if (!isKnown) return true;
                if (!_order.TryPop(out (int Call, KeyState Before) last)) return false;
                state = last.Before;
                operation = _operationOf[last.Call];
                if (operation < _knownCount) known.Remove(operation);
                else unknown.Remove(operation - _knownCount);
                Unlift(last.Call);
                node = _next[last.Call];
            }
        }

        return true;
    }

    // One of unknown outcome that changes nothing need not have happened; of two that are the same, and open for ever, the
    // earlier goes first.
    private bool IsWorthTrying(int operation, CallSet unknown) =>
        _twin[operation] < 0 || unknown.Contains(_twin[operation] - _knownCount);

    private void Lift(int call)
    {
        Unlink(call);
        Unlink(_matchingReturn[call]);
    }

    private void Unlift(int call)
    {
        Relink(_matchingReturn[call]);
        Relink(call);
    }

    private void Unlink(int node)
    {
        _next[_previous[node]] = _next[node];
        if (_next[node] != 0) _previous[_next[node]] = _previous[node];
    }

    private void Relink(int node)
    {
        _next[_previous[node]] = node;
        if (_next[node] != 0) _previous[_next[node]] = node;
    }

    /// <summary>How long a search, or several, may take.</summary>
    public sealed class Bounds
    {
        private const long StepsBetweenChecks = 4096;

        /// <summary>Steps left.</summary>
        public long Steps { get; private set; } = long.MaxValue;

        /// <summary>Ends it with an exception.</summary>
        public CancellationToken Cancellation { get; init; }

        /// <summary>No more than these.</summary>
        public static Bounds Of(long steps, CancellationToken cancellation) => new() { Steps = steps, Cancellation = cancellation };

        /// <summary>One step; false when there are none left.</summary>
        public bool TryStep()
        {
            if (--Steps % StepsBetweenChecks == 0) Cancellation.ThrowIfCancellationRequested();
            return Steps > 0;
        }
    }

    private readonly struct Configuration((int Full, ulong[] Behind) known, (int Full, ulong[] Behind) unknown, KeyState state)
        : IEquatable<Configuration>
    {
        private readonly (int Full, ulong[] Behind) _known = known;
        private readonly (int Full, ulong[] Behind) _unknown = unknown;
        private readonly KeyState _state = state;

        public bool Equals(Configuration other) =>
            _state == other._state && Same(_known, other._known) && Same(_unknown, other._unknown);

        public override bool Equals(object? obj) => obj is Configuration other && Equals(other);

        public override int GetHashCode()
        {
            HashCode hash = default;
            hash.Add(_known.Full);
            foreach (ulong word in _known.Behind) hash.Add(word);
            hash.Add(_unknown.Full);
            foreach (ulong word in _unknown.Behind) hash.Add(word);
            hash.Add(_state);
            return hash.ToHashCode();
        }

        private static bool Same((int Full, ulong[] Behind) a, (int Full, ulong[] Behind) b) =>
            a.Full == b.Full && a.Behind.AsSpan().SequenceEqual(b.Behind);
    }
}
