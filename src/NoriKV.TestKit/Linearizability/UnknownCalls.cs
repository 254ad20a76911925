namespace NoriKV.TestKit.Linearizability;

/// <summary>
/// The calls of unknown outcome. They stay open for ever and need not have happened, so one is put into the order only where a
/// call of known outcome needs what it brings, right before that: earlier it would do no more, and overwritten unseen it might
/// as well be missing. Of those that do the same the one called first goes first.
/// </summary>
internal sealed class UnknownCalls
{
    private readonly Operation[] _operations;
    private readonly int _from;
    private readonly CallSet _used;
    private readonly int[] _sameAs;
    private readonly List<Alike> _all = [];
    private readonly Dictionary<KeyState, List<Alike>> _bringing = [];

    /// <param name="operations">All calls, as the search treats them.</param>
    /// <param name="from">Where those of unknown outcome begin, in the order of their calls.</param>
    public UnknownCalls(Operation[] operations, int from)
    {
        (_operations, _from) = (operations, from);
        _used = new CallSet(operations.Length - from);
        _sameAs = new int[operations.Length - from];
        Dictionary<(OperationKind, string?, string?), int> places = [];
        for (int i = from; i < operations.Length; i++)
        {
            Operation o = operations[i];
            if (places.TryAdd((o.Kind, o.Argument, o.Expected), _all.Count))
            {
                Alike alike = new(o);
                _all.Add(alike);
                KeyState brought = new(o.Kind == OperationKind.Delete ? null : o.Argument, false);
                if (_bringing.TryGetValue(brought, out List<Alike>? others)) others.Add(alike);
                else _bringing[brought] = [alike];
            }

            _sameAs[i - from] = places[(o.Kind, o.Argument, o.Expected)];
            _all[_sameAs[i - from]].Calls.Add(i);
        }
    }

    /// <summary>Which of them are used up.</summary>
    public CallSet.Copied Used => _used.Copy();

    public void Use(int call)
    {
        _used.Add(call - _from);
        _all[_sameAs[call - _from]].UsedCount++;
    }

    public void PutBack(int call)
    {
        _used.Remove(call - _from);
        _all[_sameAs[call - _from]].UsedCount--;
    }

    /// <summary>One of each kind that is left and was called by then.</summary>
    public IEnumerable<int[]> OneOfEach(long now)
    {
        foreach (Alike alike in _all)
            if (Next(alike, now) is { } call) yield return [call];
    }

    /// <summary>Runs of calls behind which a value may be there: a write or none, then compare-and-sets, each of what is there.</summary>
    public IEnumerable<int[]> RunsTo(string? value, KeyState state, KeyRules rules, long now, SearchBounds bounds)
    {
        List<KeyState> passed = [state];
        return Targets(value).SelectMany(target => Runs(target, passed));

        IEnumerable<int[]> Runs(KeyState target, List<KeyState> passed)
        {
            if (passed.Contains(target) || !_bringing.TryGetValue(target, out List<Alike>? bringing)) yield break;
            foreach (Alike alike in bringing)
            {
                if (Next(alike, now) is not { } call || !bounds.TryTake()) continue;
                KeyState after = state;
                if (alike.Form.Kind != OperationKind.CompareAndSet
                    || (rules.TryApply(alike.Form, ref after) && after != state))
                {
                    yield return [call];
                    continue;
                }

                foreach (KeyState before in Targets(alike.Form.Expected))
                    foreach (int[] run in Runs(before, [.. passed, target])) yield return [.. run, call];
            }
        }
    }

    // Reads do not tell a missing key from the empty value; who does is asked again when the run is tried.
    private static KeyState[] Targets(string? value) => string.IsNullOrEmpty(value)
        ? [new KeyState(null, false), new KeyState(string.Empty, false)]
        : [new KeyState(value, false)];

    private int? Next(Alike alike, long now) =>
        alike.UsedCount < alike.Calls.Count && _operations[alike.Calls[alike.UsedCount]].Called <= now
            ? alike.Calls[alike.UsedCount]
            : null;

    private sealed class Alike(Operation form)
    {
        public Operation Form { get; } = form;

        public List<int> Calls { get; } = [];

        public int UsedCount { get; set; }
    }
}
