using NoriKV.TestKit.Histories;
using NoriKV.TestKit.Linearizability;

namespace NoriKV.TestKit.Tests;

public sealed class CheckerTests
{
    [Fact]
    public void A_read_that_sees_an_older_value_after_a_newer_was_read_contradicts()
    {
        Verdict verdict = Check(
            Write(1, 0, 1, "a"), Write(1, 2, 3, "b"), Read(2, 4, 5, "b"), Read(2, 6, 7, "a"));
        Assert.Equal("a", verdict.Contradiction?.Culprit.Result);
        Assert.Equal(4, verdict.Contradiction?.Operations.Count);
    }

    [Fact]
    public void Concurrent_calls_may_take_effect_in_either_order()
    {
        Assert.True(Check(Write(1, 0, 9, "a"), Write(2, 0, 9, "b"), Read(3, 10, 11, "a")).IsLinearizable);
        Assert.True(Check(Write(1, 0, 9, "a"), Write(2, 0, 9, "b"), Read(3, 10, 11, "b")).IsLinearizable);
        Assert.False(Check(Write(1, 0, 9, "a"), Write(2, 0, 9, "b"), Read(3, 10, 11, null)).IsLinearizable);
    }

    [Fact]
    public void A_write_of_unknown_outcome_may_happen_late_or_never()
    {
        Operation unknown = Write(1, 0, Operation.Unknown, "a");
        Assert.True(Check(unknown, Read(2, 1, 2, null), Read(2, 3, 4, "a")).IsLinearizable);
        Assert.True(Check(unknown, Read(2, 1, 2, null), Read(2, 3, 4, null)).IsLinearizable);
        Assert.False(Check(unknown, Read(2, 1, 2, "a"), Read(2, 3, 4, null)).IsLinearizable);
    }

    [Fact]
    public void A_compare_and_set_that_failed_saw_another_value()
    {
        Operation failed = new(2, 2, 3, "k", OperationKind.CompareAndSet, "b", "a", Succeeded: false);
        Assert.False(Check(Write(1, 0, 1, "a"), failed).IsLinearizable);
        Assert.True(Check(Write(1, 0, 1, "c"), failed).IsLinearizable);
    }

    [Fact]
    public void Keys_are_judged_apart_and_the_bad_one_is_named()
    {
        Verdict verdict = Check(Write(1, 0, 1, "a"), new Operation(1, 2, 3, "other", OperationKind.Read, Result: "a"));
        Assert.Equal("other", verdict.Contradiction?.Key);
    }

    [Fact]
    public void The_shortest_contradiction_ends_at_its_culprit()
    {
        Verdict verdict = Check(
            Write(1, 0, 1, "a"), Read(2, 2, 3, "x"), Read(2, 4, 5, "y"), Write(1, 6, 20, "z"));
        Assert.Equal("x", verdict.Contradiction?.Culprit.Result);
        Assert.Equal(2, verdict.Contradiction?.Operations.Count);
    }

    [Fact]
    public void All_keys_are_judged_and_the_shortest_contradiction_shown()
    {
        List<CheckProgress> progress = [];
        Operation[] history =
        [
            Write(1, 0, 1, "a"), Read(2, 2, 3, null), Write(3, 0, 1, "a") with { Key = "fine" },
            Read(3, 4, 5, "never") with { Key = "other" },
        ];
        Verdict verdict = LinearizabilityChecker.CheckAll(history, progress.Add);
        Assert.Equal((3, 2, "other"), (verdict.KeysChecked, verdict.KeysContradicting, verdict.Contradiction!.Key));
        Assert.Equal([2L, 3, 4], progress.Select(p => p.Calls));
        Assert.All(progress, p => Assert.Equal(4, p.CallsAll));
    }

    [Fact]
    public void A_hundred_writes_of_unknown_outcome_and_a_long_key_cost_nothing()
    {
        List<Operation> history = [];
        for (int i = 0; i < 100; i++) history.Add(Write(100 + i, 1, Operation.Unknown, $"lost {i}"));
        for (int i = 0; i < 20_000; i++)
            history.AddRange([Write(1, i * 4, (i * 4) + 3, $"{i}"), Read(2, (i * 4) + 1, (i * 4) + 6, $"{i}")]);
        Assert.True(LinearizabilityChecker.Check(history).IsLinearizable);
        history.Add(Read(3, 90_000, 90_001, "lost 99"));
        Assert.True(LinearizabilityChecker.Check(history).IsLinearizable);
    }

    // Each of these looks at hundreds of states, and at millions where one thing that the search knows is left out.
    [Fact]
    public void Values_that_come_once_are_decided_whatever_overlaps()
    {
        List<Operation> history = [];
        for (int i = 0; i < 300; i++) history.Add(Write(100 + i, i, Operation.Unknown, $"{i}"));
        for (int i = 0; i < 24; i++) history.Add(Read(i, 1000 + i, 2000 + i, $"{i}"));
        Assert.True(Decided(history).IsLinearizable);
        history.AddRange([Read(50, 3000, 3001, "7"), Read(51, 3002, 3003, "9")]);
        Assert.False(Decided(history).IsLinearizable);
    }

    [Fact]
    public void Two_values_that_come_once_cannot_both_be_there()
    {
        Operation[] both = [Write(1, 0, 10, "v"), Write(2, 5, 20, "w"), Read(3, 30, 100, "v"), Read(4, 40, 110, "w")];
        Assert.False(Check(both).IsLinearizable);
        Assert.False(Check(Write(1, 0, 10, "v"), Write(2, 5, 25, "w"), Read(3, 15, 40, "w"), Read(4, 30, 31, "v")).IsLinearizable);
        Assert.True(Check([.. both[..2], both[2] with { Called = 20 }, both[3]]).IsLinearizable);
    }

    [Fact]
    public void Writes_of_unknown_outcome_beside_compare_and_sets_and_deletes_are_tried_where_they_are_needed()
    {
        List<Operation> history = [Write(0, 0, 1, "first")];
        for (int i = 0; i < 300; i++) history.Add(Write(100 + i, 2, Operation.Unknown, $"{i}"));
        for (int i = 0, now = 10; i < 200; i++, now += 10)
        {
            history.Add(Read(1, now, now + 1, $"{i}"));
            history.Add(new Operation(1, now + 2, now + 3, "k", OperationKind.CompareAndSet, $"set {i}", $"{i}"));
            history.Add(new Operation(2, now + 2, now + 5, "k", OperationKind.CompareAndSet, "x", "first", Succeeded: false));
            history.Add(new Operation(1, now + 6, now + 7, "k", OperationKind.Delete));
            history.Add(Read(1, now + 8, now + 9, null));
        }

        Assert.True(Decided(history).IsLinearizable);
        history.AddRange([Read(1, 9000, 9001, "250"), Read(1, 9002, 9003, "250"), Read(1, 9004, 9005, null)]);
        Assert.True(LinearizabilityChecker.CheckAll(history, statesMax: 1).Contradiction is not null);
    }

    [Fact]
    public void Reads_that_fit_are_not_left_for_later()
    {
        List<Operation> history = [Write(0, 0, 1, "b"), Write(0, 2, 3, "b"), Write(0, 4, 5, "a"), Write(0, 6, 7, "a")];
        for (int i = 0; i < 24; i++) history.Add(Read(i, 100, 200, "a"));
        history.AddRange([Read(50, 300, 301, "b"), Write(51, 400, Operation.Unknown, "b")]);
        Assert.False(Decided(history).IsLinearizable);
    }

    [Fact]
    public void A_value_that_somebody_must_find_is_not_given_up_for_good()
    {
        List<Operation> history = [Write(0, 0, 1, "x"), Write(0, 2, 3, "x")];
        for (int i = 0; i < 24; i++) history.Add(Write(i, 100, 200, $"{i}"));
        history.Add(Read(50, 300, 301, "x"));
        Assert.False(Decided(history).IsLinearizable);
    }

    [Fact]
    public void A_value_that_nobody_brought_is_not_looked_for()
    {
        List<Operation> history = [];
        for (int i = 0; i < 24; i++) history.Add(Write(i, 100, 200, $"{i}"));
        history.Add(Read(50, 300, 301, "never"));
        Assert.False(Decided(history).IsLinearizable);
    }

    [Fact]
    public void A_value_that_was_only_passed_on_the_way_to_another_is_gone()
    {
        List<Operation> history =
        [
            Write(100, 0, Operation.Unknown, "x"),
            new Operation(101, 0, Operation.Unknown, "k", OperationKind.CompareAndSet, "y", "x"), Read(0, 10, 11, "y"),
        ];
        for (int i = 0; i < 24; i++) history.Add(Write(i, 100, 200, $"{i}"));
        history.Add(Read(50, 300, 301, "x"));
        Assert.False(Decided(history).IsLinearizable);
    }

    [Fact]
    public void What_was_reached_with_less_is_not_tried_with_more()
    {
        List<Operation> history = [];
        for (int i = 0; i < 14; i++)
        {
            history.Add(Write(100 + i, 1, Operation.Unknown, $"{i}"));
            history.Add(new Operation(1, 2, 3, "k", OperationKind.CompareAndSet, "x", $"{i}", Succeeded: false));
        }

        int now = 10;
        for (int round = 0; round < 14; round++, now += 10)
        {
            history.Add(Write(1, now, now + 1, "e"));
            history.Add(Write(1, now + 2, now + 6, "z"));
            history.Add(new Operation(2, now + 2, now + 6, "k", OperationKind.CompareAndSet, "x", "e", Succeeded: false));
        }

        history.AddRange([Read(1, now, now + 1, "b"), .. TooLate("b", now + 2)]);
        Assert.False(Decided(history, 5000).IsLinearizable);
    }

    [Fact]
    public void Values_that_nobody_saw_are_one_and_the_same()
    {
        List<Operation> history = [];
        for (int i = 0; i < 14; i++) history.Add(Write(100 + i, 0, Operation.Unknown, $"{i}"));
        int now = 10;
        for (int round = 0; round < 7; round++, now += 10)
        {
            history.Add(Write(1, now, now + 1, "e"));
            history.Add(new Operation(2, now + 2, now + 6, "k", OperationKind.CompareAndSet, "x", "e", Succeeded: false));
        }

        Assert.True(Decided(history).IsLinearizable);
        history.AddRange([Read(1, now, now + 1, "b"), .. TooLate("b", now + 2)]);
        Assert.False(Decided(history).IsLinearizable);
    }

    [Fact]
    public void What_was_only_appended_to_is_what_the_longest_read_begins_with()
    {
        List<Operation> history = [];
        for (int i = 0; i < 20; i++) history.Add(new Operation(100 + i, 0, Operation.Unknown, "k", OperationKind.Append, $"{i};"));
        history.Add(Read(1, 1, 2, string.Concat(Enumerable.Range(0, 20).Select(i => $"{19 - i};"))));
        Assert.True(Decided(history).IsLinearizable);
        history.Add(Read(1, 3, 4, "19;"));
        Assert.False(Decided(history).IsLinearizable);
    }

    [Fact]
    public void A_key_that_cannot_be_decided_within_the_states_is_neither_linearizable_nor_not()
    {
        List<Operation> history = [Write(0, 0, 1, "fine") with { Key = "other" }];
        for (int i = 0; i < 13; i++) history.Add(Write(i, 100, 200, $"{i}"));
        history.AddRange([Read(50, 300, 301, "b"), .. TooLate("b", 400)]);
        Verdict verdict = LinearizabilityChecker.CheckAll(history, statesMax: 100);
        Assert.Equal((false, 2, 0), (verdict.IsLinearizable, verdict.KeysChecked, verdict.KeysContradicting));
        Assert.Equal(["k"], verdict.UndecidedKeys);
        Assert.Null(verdict.Contradiction);

        // One that contradicts decides the whole.
        history.Add(Read(1, 2, 3, "never") with { Key = "other" });
        verdict = LinearizabilityChecker.CheckAll(history, statesMax: 100);
        Assert.Equal(("other", "k"), (verdict.Contradiction!.Key, Assert.Single(verdict.UndecidedKeys)));

        long states = 0;
        verdict = LinearizabilityChecker.CheckAll(history, p => states = Math.Max(states, p.States));
        Assert.Equal((2, 0), (verdict.KeysContradicting, verdict.UndecidedKeys.Count));
        Assert.InRange(states, 1, LinearizabilityChecker.DefaultStatesMax);
    }

    [Fact]
    public void A_search_that_is_cancelled_ends()
    {
        Operation[] history = Simulated(keys: 1, calls: 5000, clients: 16);
        history = [.. history, new Operation(99, 0, 1, "k0", OperationKind.CompareAndSet, "x", "never", Succeeded: false)];
        Assert.Throws<OperationCanceledException>(
            () => LinearizabilityChecker.Check(history, new CancellationToken(canceled: true)));
    }

    [Fact]
    public void The_picture_marks_the_culprit_and_escapes_what_it_shows()
    {
        Contradiction contradiction = Check(Write(1, 0, 1, "a"), Read(2, 2, 3, "<b>")).Contradiction!;
        Assert.Contains("* client   2", ContradictionPicture.ToText(contradiction), StringComparison.Ordinal);
        string html = ContradictionPicture.ToHtml(contradiction);
        Assert.Contains("class='culprit'", html, StringComparison.Ordinal);
        Assert.Contains("&lt;b&gt;", html, StringComparison.Ordinal);
    }

    [Fact]
    public void Our_own_form_is_read()
    {
        IReadOnlyList<Operation> history = HistoryReader.Read(
            [
                """{"process":1,"type":"invoke","f":"cas","key":"k","value":"b","expected":"a"}""",
                """{"process":2,"type":"invoke","f":"delete","key":"k"}""",
                """{"process":1,"type":"ok","f":"cas","key":"k"}""",
                """{"process":2,"type":"info","f":"delete","key":"k"}""",
            ],
            "h");
        Assert.Equal(
            [
                new Operation(1, 1, 3, "k", OperationKind.CompareAndSet, "b", "a"),
                new Operation(2, 2, Operation.Unknown, "k", OperationKind.Delete),
            ],
            history);
    }

    [Fact]
    [Trait("Category", "Slow")]
    public void A_hundred_thousand_calls_on_a_thousand_keys_are_judged_in_seconds()
    {
        Operation[] history = Simulated(keys: 1000, calls: 100, clients: 16);
        Assert.Equal(100_000, history.Length);
        using CancellationTokenSource limit = new(TimeSpan.FromMinutes(2));
        Verdict verdict = LinearizabilityChecker.Check(history);
        Assert.True(verdict.IsLinearizable);
        Assert.Equal(1000, verdict.KeysChecked);
        Assert.True(LinearizabilityChecker.CheckAll(history, cancellation: limit.Token).IsLinearizable);
        Assert.False(limit.IsCancellationRequested, "it took more than two minutes");
    }

    // Calls overlap; each takes effect at the middle of its interval.
    private static Operation[] Simulated(int keys, int calls, int clients)
    {
        ulong x = 88172645463325252UL;
        int Next(int max)
        {
            x ^= x << 13;
            x ^= x >> 7;
            x ^= x << 17;
            return (int)(x % (ulong)max);
        }

        List<Operation> history = [];
        for (int key = 0; key < keys; key++)
        {
            string? value = null;
            for (int call = 0; call < calls; call++)
            {
                int moment = (call + 1) * 10;
                (int from, int to) = (moment - Next(20), moment + 1 + Next(20));
                bool write = Next(2) == 0;
                if (write) value = $"{key}-{call}";
                history.Add(new Operation(
                    call % clients,
                    from,
                    write && Next(50) == 0 ? Operation.Unknown : to,
                    $"k{key}",
                    write ? OperationKind.Write : OperationKind.Read,
                    write ? value : null,
                    Result: write ? null : value));
            }
        }

        return [.. history];
    }

    // Somebody may bring it, though not in time.
    private static Operation[] TooLate(string value, long now) =>
        [Write(98, now, Operation.Unknown, value), Write(99, now, Operation.Unknown, value)];

    private static Verdict Decided(List<Operation> history, long states = 1000)
    {
        Verdict verdict = LinearizabilityChecker.CheckAll(history, statesMax: states);
        Assert.Empty(verdict.UndecidedKeys);
        return verdict;
    }

    private static Verdict Check(params Operation[] history) => LinearizabilityChecker.Check(history);

    private static Operation Write(int client, long called, long returned, string value) =>
        new(client, called, returned, "k", OperationKind.Write, value);

    private static Operation Read(int client, long called, long returned, string? result) =>
        new(client, called, returned, "k", OperationKind.Read, Result: result);
}
