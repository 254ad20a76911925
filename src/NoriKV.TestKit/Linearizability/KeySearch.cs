namespace NoriKV.TestKit.Linearizability;

/// <summary>
/// The search of Wing and Gong (1993) with Lowe's cache ("Testing for linearizability", 2017): put a call that fits the value next
/// into the order and lift it out of the list; where none fits, put the last one back and try another. What was there before is
/// not entered again. Beyond that it tries little that cannot matter:
/// <list type="bullet">
/// <item>A call that fits and changes nothing goes first: whatever may follow it later may follow it now.</item>
/// <item>A call of unknown outcome is used only where a known one needs it (<see cref="UnknownCalls"/>).</item>
/// <item>A value that somebody must still find is not given up when nobody can bring it again (<see cref="ValueSupply"/>).</item>
/// <item>What was reached with fewer calls of unknown outcome is not tried with more (<see cref="SeenStates"/>).</item>
/// </list>
/// In general the problem stays NP-complete (Gibbons and Korach 1997), hence <see cref="SearchBounds"/>.
/// </summary>
internal sealed class KeySearch
{
    // So many words of a set, or characters of a value made by appending, weigh as much as a state.
    private const int WordsPerState = 16;
    private const int CharactersPerState = 64;

    private readonly Operation[] _kept;
    private readonly Operation[] _operations;
    private readonly KeyRules _rules;
    private readonly SearchBounds _bounds;
    private readonly OpenCalls _open;
    private readonly CallSet _known;
    private readonly UnknownCalls _unknown;
    private readonly ValueSupply? _supply;
    private readonly AppendedOnly? _appended;
    private readonly SeenStates _seen = new();
    private readonly Stack<(Move Move, KeyState Before, Moves Others)> _order = new();
    private KeyState _state;

    private KeySearch(Operation[] operations, KeyRules rules, KeyState start, SearchBounds bounds)
    {
        (_kept, _operations) = UnseenCalls.Of(operations);
        (_rules, _state, _bounds) = (rules, start, bounds);
        int known = _operations.Count(static o => o.IsKnown);
        _open = new OpenCalls(_operations[..known]);
        _known = new CallSet(known);
        _unknown = new UnknownCalls(_operations, known);
        // Who appends makes a value that no call alone brings.
        if (Array.Exists(_operations, static o => o.Kind == OperationKind.Append))
            _appended = new AppendedOnly(_operations, rules);
        else
            _supply = new ValueSupply(_operations, rules.Free);
    }

    /// <summary>True when the calls of one key fit into an order, or may, because the bounds are spent.</summary>
    public static bool IsLinearizable(Operation[] operations, SearchBounds bounds) =>
        IsLinearizable(operations, KeyRules.Strict, default, bounds);

    /// <summary>The same under other rules, from another first state.</summary>
    public static bool IsLinearizable(Operation[] operations, KeyRules rules, KeyState start, SearchBounds bounds)
    {
        KeySearch search = new(operations, rules, start, bounds);
        if (search._supply is not null && ValueZones.Decide(search._operations, rules, start) is { } told) return told;
        return search.Search();
    }

    /// <summary>An order into which the calls fit; null when there is none, or none was found within the bounds.</summary>
    public static IReadOnlyList<Operation>? FindOrder(
        Operation[] operations, KeyRules rules, KeyState start, SearchBounds bounds)
    {
        KeySearch search = new(operations, rules, start, bounds);
        if (!search.Search() || bounds.IsSpent) return null;
        return [.. search._order.Reverse().SelectMany(step => search.CallsOf(step.Move)).Select(i => search._kept[i])];
    }

    private bool Search()
    {
        Moves moves = default;
        while (!_open.IsEmpty)
        {
            if (TryNext(ref moves, out Move move))
            {
                KeyState before = _state;
                if (!TryEnter(move))
                {
                    if (_bounds.IsSpent) return true;
                    continue;
                }

                _order.Push((move, before, moves));
                moves = default;
            }
            else
            {
                if (_bounds.IsSpent) return true;
                if (!_order.TryPop(out (Move Move, KeyState Before, Moves Others) last)) return false;
                Undo(last.Move, last.Before);
                moves = last.Others;
            }
        }

        return true;
    }

    // The next move from here that was not tried.
    private bool TryNext(ref Moves moves, out Move move)
    {
        if (moves.Stage == Stage.Begun)
        {
            moves = new Moves { Stage = Stage.Known, Node = _open.First };
            if (FindOnlySeeing() is { } node)
            {
                moves.Stage = Stage.Done;
                move = new Move(node, []);
                return true;
            }
        }

        if (moves.Stage == Stage.Known)
        {
            if (_open.IsCall(moves.Node))
            {
                move = new Move(moves.Node, []);
                moves.Node = _open.Next(moves.Node);
                return true;
            }

            moves.Stage = Stage.Unknown;
            moves.Unknown = WithUnknown(moves.Node).GetEnumerator();
        }

        if (moves.Stage == Stage.Unknown && moves.Unknown!.MoveNext())
        {
            move = moves.Unknown.Current;
            return true;
        }

        moves.Stage = Stage.Done;
        move = default;
        return false;
    }

    private int? FindOnlySeeing()
    {
        for (int node = _open.First; _open.IsCall(node); node = _open.Next(node))
        {
            Operation o = _operations[_open.OperationOf(node)];
            if (o.Kind != OperationKind.Read && o is not { Kind: OperationKind.CompareAndSet, Succeeded: false }) continue;
            KeyState after = _state;
            if (_rules.TryApply(o, ref after) && after == _state) return node;
        }

        return null;
    }

    private IEnumerable<Move> WithUnknown(int firstReturn)
    {
        long now = _operations[_open.OperationOf(firstReturn)].Returned;
        if (_appended is not null)
        {
            foreach (int[] one in _unknown.OneOfEach(now)) yield return new Move(0, one);
            yield break;
        }

        for (int node = _open.First; _open.IsCall(node); node = _open.Next(node))
        {
            Operation o = _operations[_open.OperationOf(node)];
            KeyState after = _state;
            if (_rules.TryApply(o, ref after)) continue;
            IEnumerable<int[]> runs = ValueSupply.Found(o) is null
                ? _unknown.OneOfEach(now)
                : _unknown.RunsTo(ValueSupply.Found(o), _state, _rules, now, _bounds);
            foreach (int[] run in runs) yield return new Move(node, run);
        }
    }

    private bool TryEnter(Move move)
    {
        KeyState before = _state;
        if (!TryRun(move, out KeyState after)) return false;
        foreach (int call in move.Unknown)
        {
            _unknown.Use(call);
            _supply?.Take(call);
        }

        if (move.Node != 0)
        {
            int call = _open.OperationOf(move.Node);
            _known.Add(call);
            _supply?.Take(call);
            _appended?.Take(call);
            _open.Lift(move.Node);
        }

        _state = after;
        CallSet.Copied known = _known.Copy(), unknown = _unknown.Used;
        if (!IsHopeless(before, move) && _bounds.TryTake(WeightOf(known, unknown)) && _seen.TryAdd(known, unknown, after)) return true;
        Undo(move, before);
        return false;
    }

    private int WeightOf(CallSet.Copied known, CallSet.Copied unknown) =>
        1 + ((known.Size + unknown.Size) / WordsPerState)
        + (_appended is null ? 0 : (_state.Value?.Length ?? 0) / CharactersPerState);

    // A call of unknown outcome that changes nothing need not have happened.
    private bool TryRun(Move move, out KeyState state)
    {
        state = _state;
        foreach (int call in move.Unknown)
        {
            KeyState before = state;
            if (!_rules.TryApply(_operations[call], ref state) || state == before) return false;
        }

        return move.Node == 0 || _rules.TryApply(_operations[_open.OperationOf(move.Node)], ref state);
    }

    private bool IsHopeless(KeyState before, Move move)
    {
        if (_appended is not null) return _appended.IsHopeless(_state);
        if (_supply!.IsMissed(before, _state)) return true;
        foreach (int call in move.Unknown)
            if (_supply.IsMissed(new KeyState(_operations[call].Argument, false), _state)) return true;
        return false;
    }

    private void Undo(Move move, KeyState before)
    {
        if (move.Node != 0)
        {
            _open.PutBack(move.Node);
            int call = _open.OperationOf(move.Node);
            _known.Remove(call);
            _supply?.PutBack(call);
            _appended?.PutBack(call);
        }

        foreach (int call in move.Unknown)
        {
            _unknown.PutBack(call);
            _supply?.PutBack(call);
        }

        _state = before;
    }

    private IEnumerable<int> CallsOf(Move move) =>
        move.Node == 0 ? move.Unknown : [.. move.Unknown, _open.OperationOf(move.Node)];

    /// <summary>One of known outcome, none where the node is 0, behind some of unknown outcome that come right before it.</summary>
    private readonly record struct Move(int Node, int[] Unknown);

    private enum Stage
    {
        Begun,
        Known,
        Unknown,
        Done,
    }

    /// <summary>Which moves from a state were tried.</summary>
    private struct Moves
    {
        public Stage Stage;
        public int Node;
        public IEnumerator<Move>? Unknown;
    }
}
