using Nori.Core;
using NoriKV.TestKit.Linearizability;

namespace NoriKV.TestKit.Tests;

/// <summary>The search and the minimizer against each other, and against trying every order.</summary>
public sealed class MinimizerTests
{
    private const int Seeds = 6000;

    [Fact]
    public void A_stale_read_is_left_with_what_makes_it_stale()
    {
        List<Operation> history = [];
        for (int i = 0; i < 200; i++) history.AddRange([Write(1, i * 10, $"v{i}"), Read(2, (i * 10) + 5, $"v{i}")]);
        history.Add(Read(3, 5000, "v198"));
        history.Add(new Operation(4, 7, Operation.Unknown, "k", OperationKind.Write, "never seen"));
        Contradiction shortest = LinearizabilityChecker.Check(history).Contradiction!;
        Assert.Equal(402, shortest.Operations.Count);
        Contradiction minimal = shortest.Minimize();
        Assert.Equal(["v199", "v198"], minimal.Operations.Select(o => o.Argument ?? o.Result));
        Assert.Equal((400, "v198"), (minimal.LeftOut, minimal.Culprit.Result));
        Assert.Equal(minimal.Operations.Take(1), minimal.Order);
        Assert.True(minimal.BeginsAnywhere);
        string picture = ContradictionPicture.ToText(minimal);
        Assert.Contains("2 of 402; the others do not matter", picture, StringComparison.Ordinal);
        Assert.Contains("Without the marked call there is an order: ", picture, StringComparison.Ordinal);
    }

    [Fact]
    public void What_was_appended_without_need_is_taken_out_of_what_was_read()
    {
        Operation[] history =
        [
            Append(1, 0, "a;"), Append(1, 2, "b;"), Append(1, 4, "c;"), Append(2, 6, "d;"), Append(2, 8, "e;"),
            Read(3, 10, "a;b;c;d;e;"), Read(3, 12, "a;b;d;c;e;"),
        ];
        Contradiction minimal = LinearizabilityChecker.Check(history).Contradiction!.Minimize();
        Assert.Equal(["… c; d; …", "… d; c; …"], minimal.Operations.Select(o => o.Result));
    }

    [Fact]
    public void A_value_that_was_never_written_stands_alone()
    {
        Contradiction minimal =
            LinearizabilityChecker.Check([Write(1, 0, "a"), Write(1, 2, "b"), Read(2, 4, "x")]).Contradiction!.Minimize();
        Assert.Equal(["b", "x"], minimal.Operations.Select(o => o.Argument ?? o.Result));
    }

    [Fact]
    public void The_search_agrees_with_trying_every_order()
    {
        int bad = 0;
        for (int seed = 0; seed < Seeds; seed++)
        {
            Operation[] history = Random(seed, calls: 8, honest: false);
            bool expected = FitsInSomeOrder(history, 0, null);
            Assert.True(expected == LinearizabilityChecker.Check(history).IsLinearizable, $"seed {seed}: {Text(history)}");
            // What decides without a search is left out here.
            Assert.True(
                expected == KeySearch.FindOrder(history, KeyRules.Strict, default, new SearchBounds()) is not null,
                $"seed {seed}: {Text(history)}");
            if (!expected) bad++;
        }

        Assert.InRange(bad, Seeds / 10, Seeds * 9 / 10);
    }

    [Fact]
    public void A_minimized_contradiction_is_none_with_one_call_less_and_its_order_fits()
    {
        int minimized = 0;
        for (int seed = 0; seed < Seeds; seed++)
        {
            Operation[] history = Random(seed, calls: 12, honest: false);
            if (LinearizabilityChecker.Check(history).Contradiction is not { } found) continue;
            Contradiction minimal = found.Minimize();
            minimized++;
            Assert.True(minimal.Operations.Count <= found.Operations.Count, $"seed {seed}");
            Assert.Contains(minimal.Culprit, minimal.Operations);
            Assert.Equal(minimal.LeftOut, found.Operations.Count - minimal.Operations.Count);
            Assert.DoesNotContain(minimal.Culprit, minimal.Order);
            Assert.All(minimal.Order, o => Assert.Contains(minimal.Operations, k => (k.Client, k.Called) == (o.Client, o.Called)));
            int known = minimal.Operations.Count(o => o.IsKnown && o != minimal.Culprit);
            Assert.True(minimal.Order.Count(o => o.IsKnown) == known, $"seed {seed}: {Text(minimal.Operations)}");
        }

        Assert.True(minimized > Seeds / 10);
    }

    // What the minimizer relies on: leaving out allows more, never less.
    [Fact]
    public void A_linearizable_history_stays_so_whatever_is_left_out_of_it()
    {
        for (int seed = 0; seed < Seeds; seed++)
        {
            Operation[] history = Random(seed, calls: 10, honest: true);
            Assert.True(LinearizabilityChecker.Check(history).IsLinearizable, $"seed {seed}: {Text(history)}");
            Prng random = new((ulong)seed);
            bool appends = history.Any(o => o.Kind == OperationKind.Append);
            long cut = random.NextInt(100);
            HashSet<string> free = new(StringComparer.Ordinal);
            List<Operation> kept = [];
            foreach (Operation o in history)
            {
                bool sees = o.Kind == OperationKind.Read || o is { Kind: OperationKind.CompareAndSet, Succeeded: false };
                if (o.Returned < cut || (sees && (o.Called < cut || random.NextInt(3) == 0))) continue;
                if (sees || o.Called >= cut) kept.Add(o);
                else kept.Add(o with { Returned = Operation.Unknown });
                if (sees || appends || random.NextInt(3) != 0) continue;
                kept.RemoveAt(kept.Count - 1);
                free.Add(o.Argument ?? string.Empty);
            }

            KeyRules rules = new() { Free = free };
            Assert.True(
                KeySearch.IsLinearizable([.. kept], rules, KeyState.Any, new SearchBounds()), $"seed {seed}: {Text(history)}");
        }
    }

    // The definition, written out: each call in turn first, if nothing returned before it was called.
    private static bool FitsInSomeOrder(Operation[] rest, ulong done, string? value)
    {
        long firstReturn = rest.Where((_, i) => (done & (1UL << i)) == 0).Select(o => o.Returned).DefaultIfEmpty(Operation.Unknown).Min();
        if (firstReturn == Operation.Unknown) return true;
        for (int i = 0; i < rest.Length; i++)
        {
            string? after = value;
            if ((done & (1UL << i)) != 0 || rest[i].Called > firstReturn || !KeyModel.TryApply(rest[i], ref after)) continue;
            if (FitsInSomeOrder(rest, done | (1UL << i), after)) return true;
        }

        return false;
    }

    // Three clients on one key. An honest history is that of a store; in the other kind answers are made up.
    private static Operation[] Random(int seed, int calls, bool honest)
    {
        Prng random = new((ulong)seed * 7919);
        bool appends = random.NextInt(3) == 0, once = random.NextInt(2) == 0;
        int unknownOneOf = 2 + random.NextInt(6);
        List<string> written = [string.Empty];
        string? value = null;
        long[] free = new long[3];
        List<(long Moment, Operation Operation)> history = [];
        long moment = 0;
        for (int i = 0; i < calls; i++)
        {
            moment += 2 + random.NextInt(8);
            int client = random.NextInt(3);
            if (free[client] >= moment) continue;
            long called = Math.Max(free[client] + 1, moment - random.NextInt(12));
            long returned = random.NextInt(unknownOneOf) == 0 ? Operation.Unknown : moment + random.NextInt(12);
            free[client] = returned == Operation.Unknown ? moment : returned;
            OperationKind kind = appends
                ? random.NextInt(2) == 0 ? OperationKind.Append : OperationKind.Read
                : (OperationKind)random.NextInt(5);
            if (kind == OperationKind.Append && !appends) kind = OperationKind.Write;
            string argument = appends ? $"{i};"
                : once ? $"v{i}"
                : written.Count > 1 && random.NextInt(9) == 0 ? string.Empty : $"{random.NextInt(3)}";
            written.Add(argument);
            string? expected = kind != OperationKind.CompareAndSet ? null : random.NextInt(2) == 0 ? value : Written();
            if (kind is OperationKind.Read or OperationKind.Delete) argument = null!;
            Operation o = new(client, called, returned, "k", kind, argument, expected);
            string? madeUp = appends ? "0;" : Written();
            if (kind == OperationKind.Read) o = o with { Result = honest || random.NextInt(3) != 0 ? value : madeUp };
            if (kind == OperationKind.CompareAndSet) o = o with { Succeeded = honest ? value == expected : random.NextInt(2) == 0 };
            if (kind == OperationKind.Read && returned == Operation.Unknown) continue;
            if (returned == Operation.Unknown && kind == OperationKind.CompareAndSet) o = o with { Succeeded = true };
            history.Add((moment, o));
            bool happens = returned != Operation.Unknown || random.NextInt(2) == 0;
            if (happens) KeyModel.TryApply(o with { Returned = Operation.Unknown }, ref value);
        }

        return [.. history.Select(h => h.Operation)];

        string Written() => written[random.NextInt(written.Count)];
    }

    private static string Text(IEnumerable<Operation> history) =>
        string.Join("; ", history.Select(o => $"{o.Client}@{o.Called}-{o.Returned} {o}"));

    private static Operation Write(int client, long called, string value) =>
        new(client, called, called + 1, "k", OperationKind.Write, value);

    private static Operation Append(int client, long called, string text) =>
        new(client, called, called + 1, "k", OperationKind.Append, text);

    private static Operation Read(int client, long called, string? result) =>
        new(client, called, called + 1, "k", OperationKind.Read, Result: result);
}
