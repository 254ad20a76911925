namespace Nori.Lsm.Tests.Model;

/// <summary>L1, L2, L4, L6, L7: any history, any options, the same as a sorted dictionary.</summary>
public sealed class ModelTests
{
    private const int Ops = 400;

    // tests/soak runs others: NORI_LSM_SEEDS=SEED, or FIRST+COUNT.
    public static IEnumerable<TheoryDataRow<ulong>> Seeds() => Seeds("NORI_LSM_SEEDS", "1+40");

    internal static IEnumerable<TheoryDataRow<ulong>> Seeds(string variable, string otherwise)
    {
        string[] parts = (Environment.GetEnvironmentVariable(variable) ?? otherwise).Split('+');
        ulong first = ulong.Parse(parts[0]), count = parts.Length > 1 ? ulong.Parse(parts[1]) : 1;
        for (ulong i = 0; i < count; i++) yield return new TheoryDataRow<ulong>(first + i);
    }

    [Theory]
    [MemberData(nameof(Seeds))]
    public void Any_history_equals_a_sorted_dictionary(ulong seed)
    {
        List<Op> ops = OpGenerator.History(seed, Ops);
        string? failure = ModelRunner.Run(seed, ops);
        if (failure is null) return;
        List<Op> shorter = Shrinker.Shrink(ops, candidate => ModelRunner.Run(seed, candidate) is not null);
        Assert.Fail(
            $"seed {seed}: {failure}\nreplay: NORI_LSM_SEEDS={seed} ./test Nori.Lsm\n"
            + $"shrunk to {shorter.Count}:\n{ModelRunner.Run(seed, shorter)}\n{Op.ToCode(shorter)}");
    }
}
