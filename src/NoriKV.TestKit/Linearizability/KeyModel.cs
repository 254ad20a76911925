namespace NoriKV.TestKit.Linearizability;

/// <summary>The sequential behaviour of one key: what the checker compares a history against.</summary>
public static class KeyModel
{
    /// <summary>
    /// Runs an operation on a value. False when an operation with this outcome cannot happen in that state; an unknown
    /// outcome fits any state.
    /// </summary>
    /// <param name="operation">The call and its outcome.</param>
    /// <param name="value">The key's value before and after; null for a missing key.</param>
    public static bool TryApply(Operation operation, ref string? value)
    {
        switch (operation.Kind)
        {
            case OperationKind.Read:
                // Histories that know no missing key record the empty value for it.
                return !operation.IsKnown || (operation.Result ?? string.Empty) == (value ?? string.Empty);
            case OperationKind.Write:
                value = operation.Argument;
                return true;
            case OperationKind.Append:
                value += operation.Argument;
                return true;
            case OperationKind.Delete:
                value = null;
                return true;
            default:
                bool matches = value == operation.Expected;
                if (operation.IsKnown && matches != operation.Succeeded) return false;
                if (matches) value = operation.Argument;
                return true;
        }
    }
}
