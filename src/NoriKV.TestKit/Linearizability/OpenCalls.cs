namespace NoriKV.TestKit.Linearizability;

/// <summary>
/// The calls and returns of known outcome that are not linearized yet, in the order of time: a doubly linked list out of which
/// a call is lifted together with its return, and put back. Only calls before the first return may come next.
/// </summary>
internal sealed class OpenCalls
{
    private readonly int[] _next;
    private readonly int[] _previous;
    private readonly int[] _matchingReturn;
    private readonly int[] _operationOf;

    public OpenCalls(Operation[] operations)
    {
        int count = operations.Length;
        (long Time, int Order, int Operation)[] events = new (long, int, int)[2 * count];
        for (int i = 0; i < count; i++)
        {
            // At equal times a call sorts before a return: the two are then concurrent, which accuses nobody falsely.
            events[2 * i] = (operations[i].Called, 0, i);
            events[(2 * i) + 1] = (operations[i].Returned, 1, i);
        }

        Array.Sort(events);

        // Node 0 is the head.
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

    public bool IsEmpty => _next[0] == 0;

    /// <summary>The first node; 0 when there is none.</summary>
    public int First => _next[0];

    public int Next(int node) => _next[node];

    public bool IsCall(int node) => _matchingReturn[node] != 0;

    /// <summary>The place of the call in the array that was given.</summary>
    public int OperationOf(int node) => _operationOf[node];

    public void Lift(int call)
    {
        Unlink(call);
        Unlink(_matchingReturn[call]);
    }

    public void PutBack(int call)
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
}
