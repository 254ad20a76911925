namespace Nori.Lsm.Tests.Model;

/// <summary>L1, L2, L4, L6, L7: any history, any options, the same as a sorted dictionary.</summary>
public sealed class ModelTests
{
    private const int Ops = 400;

    public static IEnumerable<TheoryDataRow<ulong>> Seeds() =>
        Enumerable.Range(1, 40).Select(i => new TheoryDataRow<ulong>((ulong)i));

    [Theory]
    [MemberData(nameof(Seeds))]
    public void Any_history_equals_a_sorted_dictionary(ulong seed)
    {
        List<Op> ops = OpGenerator.History(seed, Ops);
        string? failure = ModelRunner.Run(seed, ops);
        if (failure is null) return;
        List<Op> shorter = Shrinker.Shrink(ops, candidate => ModelRunner.Run(seed, candidate) is not null);
        Assert.Fail(
            $"seed {seed}: {failure}\nreplay: --filter-method *{nameof(Any_history_equals_a_sorted_dictionary)}\n"
            + $"shrunk to {shorter.Count}:\n{ModelRunner.Run(seed, shorter)}\n{string.Join('\n', shorter)}");
    }
}
