using Nori.Compression;
using Nori.Core;
using Nori.IO;

namespace Nori.Lsm.Tests.Model;

/// <summary>
/// L2: what the engine answers does not depend on how it is set up or when it is restarted. One history runs under several
/// sets of options; each reads back what it wrote, and everything that any of them answered must be the same.
/// </summary>
public sealed class MetamorphicTests
{
    private const int Ops = 250;
    private const int Variants = 5;

    public static IEnumerable<TheoryDataRow<ulong>> Seeds() => ModelTests.Seeds("NORI_LSM_METAMORPHIC_SEEDS", "1+12");

    [Theory]
    [MemberData(nameof(Seeds))]
    public void One_history_answers_the_same_under_any_options(ulong seed)
    {
        List<Op> ops = [.. OpGenerator.History(seed, Ops).Where(op => op.Kind != OpKind.PowerLoss)];
        string? failure = Compare(seed, ops);
        if (failure is null) return;
        List<Op> shorter = Shrinker.Shrink(ops, candidate => Compare(seed, candidate) is not null, runsMax: 400);
        Assert.Fail(
            $"seed {seed}: {failure}\nreplay: NORI_LSM_METAMORPHIC_SEEDS={seed} ./test Nori.Lsm\n"
            + $"shrunk to {shorter.Count}, {Compare(seed, shorter)}:\n{Op.ToCode(shorter)}");
    }

    /// <summary>Null when all variants answer the same, else the first difference.</summary>
    private static string? Compare(ulong seed, IReadOnlyList<Op> ops)
    {
        List<string>? first = null;
        for (ulong variant = 0; variant < Variants; variant++)
        {
            var answers = new List<string>();
            string? failure = ModelRunner.Run(seed, ops, Options(seed + (variant * 1000)), answers, Restarts(variant));
            if (failure is not null) return $"variant {variant}: {failure}";
            first ??= answers;
            for (int i = 0; i < first.Count; i++)
                if (i >= answers.Count || first[i] != answers[i])
                    return $"variant {variant}, answer {i}: {answers.ElementAtOrDefault(i)}, and not {first[i]}";
        }

        return null;
    }

    // Restarts beside those of the history: none, or one every so many operations.
    private static int Restarts(ulong variant) => variant switch { 0 => 0, 1 => 7, _ => 40 + (int)variant };

    private static Func<IFileSystem, TimeProvider, LsmOptions> Options(ulong seed) => (files, time) =>
    {
        var random = new Prng(seed);
        CompressionType[] kinds = [.. Enum.GetValues<CompressionType>().Where(BlockCodecs.IsAvailable)];
        LsmOptions options = OpGenerator.Options(seed, files, time) with
        {
            WriteAheadLog = (LsmWalMode)random.NextInt(1, 4),
            MemtableBytes = 1024L << random.NextInt(12),
            TargetFileBytes = 256L << random.NextInt(12),
            BlockBytes = 32 << random.NextInt(9),
            Compression = kinds[random.NextInt(kinds.Length)],
            CompressionByLevel = random.Chance(0.5) ? [kinds[random.NextInt(kinds.Length)], CompressionType.None] : null,
            BloomBitsPerKey = random.NextInt(3) switch { 0 => 0, 1 => 1, _ => 14 },
        };
        return options;
    };
}
