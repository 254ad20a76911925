namespace NoriKV.TestKit.Linearizability;

/// <summary>
/// Leaves out of a contradiction what it does not need. A read may simply be left out: without it more is allowed. The beginning
/// is replaced by "any value", a write by "its value may be there at any time", an appended text by taking it out of
/// all that was read: each of these allows at least what the calls allowed, so what still contradicts is true of the whole.
/// </summary>
internal sealed class ContradictionMinimizer
{
    // A few seconds, and little of that for one question. Where it is used up, what could not be shown to be needless stays.
    private const long StatesMax = 2_000_000;
    private const long StatesPerQuestion = 50_000;
    private const int RoundsMax = 4;

    private readonly Contradiction _whole;
    private readonly CancellationToken _cancellation;
    private readonly AppendedTexts? _texts;
    private readonly HashSet<string> _free = new(StringComparer.Ordinal);
    private HashSet<string> _erased = new(StringComparer.Ordinal);
    private long _statesLeft = StatesMax;
    private List<Operation> _kept;
    private KeyState _start;

    public ContradictionMinimizer(Contradiction whole, CancellationToken cancellation)
    {
        _whole = whole;
        _kept = [.. whole.Operations.Where(static o => o.IsKnown || o.Kind != OperationKind.Read).OrderBy(static o => o.Called)];
        _cancellation = cancellation;
        _texts = AppendedTexts.Of(_kept);
    }

    public Contradiction Run()
    {
        CutBeginning();
        for (int round = 0, before = int.MaxValue; round < RoundsMax && Size < before; round++)
        {
            before = Size;
            LeaveOut(
                _kept.Where(IsOnlySeeing),
                static o => o,
                (kept, some) => Contradicts([.. kept.Where(o => !some.Contains(o))], _free, _erased));
            if (_texts is not null) EraseTexts();
            else FreeWrites();
        }

        return Result();
    }

    private int Size => _kept.Count + (_texts is null ? 0 : _texts.Count - _erased.Count);

    private bool IsCulprit(Operation o) => o.Called == _whole.Culprit.Called && o.Client == _whole.Culprit.Client;

    private bool IsOnlySeeing(Operation o) => !IsCulprit(o)
        && (o.Kind == OperationKind.Read || o is { Kind: OperationKind.CompareAndSet, Succeeded: false, IsKnown: true });

    private bool Contradicts(List<Operation> kept, HashSet<string> free, HashSet<string> erased) =>
        Contradicts(kept, free, erased, _start);

    private bool Contradicts(List<Operation> kept, HashSet<string> free, HashSet<string> erased, KeyState start)
    {
        Operation[] calls = _texts is null ? [.. kept] : [.. kept.Select(o => _texts.Without(o, erased))];
        return Ask(calls.Length, bounds => !KeySearch.IsLinearizable(calls, new KeyRules { Free = free }, start, bounds));
    }

    private T? Ask<T>(int calls, Func<SearchBounds, T> question)
    {
        if (_statesLeft <= 0) return default;
        long most = StatesPerQuestion + calls;
        SearchBounds bounds = SearchBounds.Of(most, _cancellation);
        T answer = question(bounds);
        _statesLeft -= most - bounds.StatesLeft;
        return answer;
    }

    // The later the time, the more is allowed before it: searched by halves.
    private void CutBeginning()
    {
        if (!Contradicts(_kept, _free, _erased, KeyState.Any)) return;
        _start = KeyState.Any;
        int bad = 0, good = _kept.Count;
        while (good - bad > 1)
        {
            int middle = (good + bad) / 2;
            if (Contradicts(From(_kept[middle].Called), _free, _erased)) bad = middle;
            else good = middle;
        }

        _kept = From(_kept[bad].Called);
    }

    // What was open then may have taken effect before, or else need not be held to anything.
    private List<Operation> From(long time) =>
    [
        .. _kept
            .Where(o => o.Called >= time || IsCulprit(o) || (o.Returned >= time && !IsOnlySeeing(o)))
            .Select(o => o.Called >= time || IsCulprit(o) ? o : o with { Returned = Operation.Unknown }),
    ];

    private void FreeWrites() => LeaveOut(
        _kept.Where(o => !IsCulprit(o) && !IsOnlySeeing(o)),
        static o => o,
        (kept, some) => Contradicts([.. kept.Where(o => !some.Contains(o))], [.. _free, .. some.Select(Written)], _erased),
        some => _free.UnionWith(some.Select(Written)));

    private void EraseTexts() => LeaveOut(
        _texts!.All.Where(t => !_erased.Contains(t) && !IsErased(_whole.Culprit, [t])),
        static o => o.Argument,
        (kept, some) =>
        {
            HashSet<string> erased = [.. _erased, .. some];
            return Contradicts([.. kept.Where(o => !IsErased(o, erased))], _free, erased);
        },
        some => _erased = [.. _erased, .. some]);

    private static bool IsErased(Operation o, HashSet<string> erased) =>
        o.Kind == OperationKind.Append && erased.Contains(o.Argument!);

    private static string Written(Operation o) => o.Argument ?? string.Empty;

    // Leaves out large pieces first, then smaller ones, then one by one.
    private void LeaveOut<T>(
        IEnumerable<T> candidates,
        Func<Operation, object?> partOf,
        Func<List<Operation>, HashSet<T>, bool> stillContradicts,
        Action<HashSet<T>>? done = null)
    {
        List<T> rest = [.. candidates];
        for (int size = rest.Count; size > 0; size /= 2)
        {
            for (int at = 0; at < rest.Count;)
            {
                HashSet<T> some = [.. rest.GetRange(at, Math.Min(size, rest.Count - at))];
                if (stillContradicts(_kept, some))
                {
                    _kept.RemoveAll(o => partOf(o) is T part && some.Contains(part));
                    rest.RemoveRange(at, Math.Min(size, rest.Count - at));
                    done?.Invoke(some);
                }
                else
                {
                    at += size;
                }
            }
        }
    }

    private Contradiction Result()
    {
        Operation culprit = _kept.Single(IsCulprit);
        Operation[] calls = [.. _kept.Select(o => _texts is null ? o : _texts.Without(o, _erased))];
        Operation[] others =
        [
            .. calls.Where(o => !IsCulprit(o) || o.Kind != OperationKind.Read)
                .Select(o => IsCulprit(o) ? o with { Returned = Operation.Unknown } : o),
        ];
        IReadOnlyList<Operation>? order =
            Ask(others.Length, bounds => KeySearch.FindOrder(others, new KeyRules { Free = _free }, _start, bounds));
        Operation Shown(Operation o) => _texts is null ? o : _texts.Show(o, _erased);
        return _whole with
        {
            Operations = [.. _kept.Select(Shown)],
            Culprit = Shown(culprit),
            LeftOut = _whole.LeftOut + _whole.Operations.Count - _kept.Count,
            BeginsAnywhere = _start.IsAny,
            FreeValues = [.. _free.Order(StringComparer.Ordinal)],
            Order = order is null ? [] : [.. order.Where(o => !IsCulprit(o)).Select(Shown)],
        };
    }
}
