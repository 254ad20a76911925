using NoriKV.TestKit.Linearizability;
using NoriKV.TestKit.Simulation.Workloads;
using NoriKV.Types;

namespace NoriKV.TestKit.Simulation.Checks;

/// <summary>Judges the calls of the clients on keys without expiry: one order must explain them all, key by key.</summary>
internal static class HistoryCheck
{
    private static readonly TimeSpan PictureLimit = TimeSpan.FromSeconds(20);

    /// <summary>Reports what no order explains.</summary>
    public static void Run(SimWorld world, KeySpace keys, IReadOnlyList<Call> calls)
    {
        foreach (IGrouping<string, Operation> key in Operations(keys, calls).GroupBy(o => o.Key))
        {
            Operation[] operations = [.. key.OrderBy(o => o.Called)];
            // States, not time: a verdict must not depend on the machine. What versions say is judged in any case.
            SearchBounds bounds = SearchBounds.Of(world.Options.StatesMax, CancellationToken.None);
            if (!KeySearch.IsLinearizable(operations, bounds)) world.Violate("linearizable", Picture(operations, world.Options.StatesMax));
            else if (bounds.IsSpent) world.LeaveUndecided(key.Key);
        }
    }

    private static string Picture(Operation[] operations, long statesMax)
    {
        using var limit = new CancellationTokenSource(PictureLimit);
        try
        {
            return ContradictionPicture.ToText(Contradiction.Shortest(operations, () => SearchBounds.Of(statesMax, limit.Token)));
        }
        catch (OperationCanceledException)
        {
            return $"key {operations[0].Key}: no order explains its {operations.Length} calls";
        }
    }

    private static IEnumerable<Operation> Operations(KeySpace keys, IReadOnlyList<Call> calls)
    {
        HashSet<string> plain = [.. keys.Plain];
        foreach (Call call in calls)
        {
            if (call.WasNotDone || (!call.IsKnown && !call.Operation.IsWrite)) continue;
            if (call.Operation.Read.Consistency is Consistency.Bounded or Consistency.StaleOk) continue;
            if (call.Operation.Call == ClientCall.Scan)
            {
                if (!call.Succeeded) continue;
                Dictionary<string, string?> seen = call.Answer!.Items.ToDictionary(i => i.Key, i => i.Value);
                foreach (string key in keys.Plain) yield return Read(call, key, seen.GetValueOrDefault(key));
                continue;
            }

            for (int i = 0; i < call.Operation.Keys.Count; i++)
            {
                if (plain.Contains(call.Operation.Keys[i]) && ToOperation(call, i) is { } operation) yield return operation;
            }
        }
    }

    private static Operation? ToOperation(Call call, int place)
    {
        ClientOperation asked = call.Operation;
        string key = asked.Keys[place];
        if (asked.Call == ClientCall.Get) return call.Succeeded ? Read(call, key, call.Answer!.Items[0].Value) : null;
        string? value = asked.Values.Count > place ? asked.Values[place] : null;
        bool isConditional = asked.IfMatch is not null || asked.IfNotExists;
        // Values are unique, so to have a version is to have the value that came with it.
        OperationKind kind = isConditional ? OperationKind.CompareAndSet
            : value is null ? OperationKind.Delete
            : OperationKind.Write;
        if (call.IsKnown && !call.Succeeded && !isConditional) return null;
        return new Operation(
            call.Client, call.Called, call.IsKnown ? call.Returned : Operation.Unknown, key, kind, value, asked.Expected,
            Succeeded: call.IsUnknown || call.Succeeded);
    }

    private static Operation Read(Call call, string key, string? value) =>
        new(call.Client, call.Called, call.Returned, key, OperationKind.Read, Result: value);
}
