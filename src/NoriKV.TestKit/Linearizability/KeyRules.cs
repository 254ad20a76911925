namespace NoriKV.TestKit.Linearizability;

/// <summary>
/// The behaviour of a key of which some calls were left out: each value in <see cref="Free"/> may have been written at any
/// time and any number of times. That allows whatever <see cref="KeyModel"/> allows with those calls, and more: what
/// contradicts these rules contradicts the whole.
/// </summary>
internal sealed class KeyRules
{
    /// <summary>No value is free: as <see cref="KeyModel"/>.</summary>
    public static readonly KeyRules Strict = new();

    /// <summary>What may be there at any time; a missing key is the empty value.</summary>
    public IReadOnlySet<string> Free { get; init; } = new HashSet<string>(StringComparer.Ordinal);

    /// <summary>Runs an operation; false when it cannot have this outcome in that state.</summary>
    public bool TryApply(Operation operation, ref KeyState state)
    {
        if (!state.IsAny && Free.Count == 0)
        {
            string? value = state.Value;
            bool fits = KeyModel.TryApply(operation, ref value);
            state = new KeyState(value, false);
            return fits;
        }

        switch (operation.Kind)
        {
            case OperationKind.Read:
                if (!operation.IsKnown) return true;
                if (!MayBe(state, operation.Result)) return false;
                state = new KeyState(operation.Result, false);
                return true;
            case OperationKind.Write:
                state = new KeyState(operation.Argument, false);
                return true;
            case OperationKind.Append:
                if (!state.IsAny) state = new KeyState(state.Value + operation.Argument, false);
                return true;
            case OperationKind.Delete:
                state = default;
                return true;
            default:
                if (operation.IsKnown && !operation.Succeeded) return MayBeOther(state, operation.Expected);
                // One that did nothing need not be in the order at all.
                if (!MayBe(state, operation.Expected)) return !operation.IsKnown;
                state = new KeyState(operation.Argument, false);
                return true;
        }
    }

    // Histories that know no missing key record the empty value for it.
    private bool MayBe(KeyState state, string? value) =>
        state.IsAny || (state.Value ?? string.Empty) == (value ?? string.Empty) || Free.Contains(value ?? string.Empty);

    private bool MayBeOther(KeyState state, string? value) =>
        state.IsAny || state.Value != value || Free.Any(f => f != (value ?? string.Empty));
}
