namespace NoriKV.TestKit.Linearizability;

/// <summary>
/// The search of Wing and Gong (1993) with Lowe's cache ("Testing for linearizability", 2017): walk the events in time order;
/// linearize a call that fits the state and lift it out of the list; on reaching a return whose call was not linearized,
/// put the last one back and try the next. A (set of linearized calls, state) seen before is not entered again.
/// </summary>
internal sealed class KeySearch
{
    private readonly Operation[] _operations;
    private readonly int[] _next;
    private readonly int[] _previous;
    private readonly int[] _matchingReturn;
    private readonly int[] _operationOf;
    private readonly HashSet<Configuration> _seen = [];

    private KeySearch(Operation[] operations)
    {
        _operations = operations;
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
    public static bool IsLinearizable(Operation[] operations) => new KeySearch(operations).Search();

    private bool Search()
    {
        Stack<(int Call, string? Before)> order = new();
        ulong[] linearized = new ulong[(_operations.Length + 63) / 64];
        string? state = null;
        int node = _next[0];
        while (_next[0] != 0)
        {
            bool isCall = _matchingReturn[node] != 0;
            if (isCall)
            {
                int operation = _operationOf[node];
                string? after = state;
                if (KeyModel.TryApply(_operations[operation], ref after))
                {
                    linearized[operation / 64] |= 1UL << operation;
                    if (_seen.Add(new Configuration((ulong[])linearized.Clone(), after)))
                    {
                        order.Push((node, state));
                        state = after;
                        Lift(node);
                        node = _next[0];
                        continue;
                    }

                    linearized[operation / 64] &= ~(1UL << operation);
                }

                node = _next[node];
            }
            else
            {
                // An unknown outcome returns at the end of time: what is left by then need never have happened.
                if (!_operations[_operationOf[node]].IsKnown) return true;
                if (!order.TryPop(out (int Call, string? Before) last)) return false;
                state = last.Before;
                int operation = _operationOf[last.Call];
                linearized[operation / 64] &= ~(1UL << operation);
                Unlift(last.Call);
                node = _next[last.Call];
            }
        }

        return true;
    }

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

    private readonly struct Configuration(ulong[] linearized, string? state) : IEquatable<Configuration>
    {
        private readonly ulong[] _linearized = linearized;
        private readonly string? _state = state;

        public bool Equals(Configuration other) =>
            _state == other._state && _linearized.AsSpan().SequenceEqual(other._linearized);

        public override bool Equals(object? obj) => obj is Configuration other && Equals(other);

        public override int GetHashCode()
        {
            HashCode hash = default;
            foreach (ulong word in _linearized) hash.Add(word);
            hash.Add(_state, StringComparer.Ordinal);
            return hash.ToHashCode();
        }
    }
}
