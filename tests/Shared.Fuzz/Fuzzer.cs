using System.Diagnostics;
using System.Globalization;
using System.Security.Cryptography;
using Nori.Core;
using Nori.IO;

namespace Nori.Fuzzing;

/// <summary>
/// Feeds a decoder with what is kept in tests/PROJECT/corpus/TARGET and with mutations of it and of valid inputs, half of them
/// with their checksums made right again. A decoder answers, or throws CorruptionException, within bounded memory.
/// </summary>
/// <remarks>
/// A fixed number of inputs from a fixed seed; NORI_FUZZ_SECONDS (five in ./test) goes on for so long from NORI_FUZZ_SEED. An input that
/// breaks a decoder is written to artifacts/fuzz: moved into the corpus, it is tried for ever. UPDATE_GOLDEN=1 keeps the valid inputs.
/// </remarks>
internal sealed class Fuzzer(string project, string target)
{
    private const int Inputs = 4000;
    private const int InputBytesMax = 64 << 10;

    private static readonly double Seconds =
        double.Parse(Environment.GetEnvironmentVariable("NORI_FUZZ_SECONDS") ?? "0", CultureInfo.InvariantCulture);

    private static readonly ulong Seed =
        ulong.Parse(Environment.GetEnvironmentVariable("NORI_FUZZ_SEED") ?? "1", CultureInfo.InvariantCulture);

    private readonly string _corpus = Path.Combine(FindRoot(), "tests", project, "corpus", target);

    /// <summary>The most that one input may make the decoder allocate, in bytes.</summary>
    public long AllocatedMax { get; init; } = 32L << 20;

    /// <param name="valid">Inputs that are right.</param>
    /// <param name="decode">Decodes, and uses what it got; returns true when the input was taken for right.</param>
    /// <param name="repair">Makes the checksums of a mutated input right.</param>
    /// <returns>How many inputs were tried, and how many of them taken.</returns>
    public (long Tried, long Taken) Run(IReadOnlyList<byte[]> valid, Func<byte[], bool> decode, Action<byte[]>? repair = null)
    {
        var inputs = new List<byte[]>(valid);
        Keep(valid);
        foreach (string file in Files()) inputs.Add(File.ReadAllBytes(file));
        long taken = 0, tried = 0;
        foreach (byte[] input in inputs)
        {
            tried++;
            if (Try(input, decode, "the corpus")) taken++;
        }

        Assert.True(taken >= valid.Count, "a valid input is refused");
        var random = new Prng(Seed);
        var clock = Stopwatch.StartNew();
        for (long i = 0; Seconds > 0 ? clock.Elapsed.TotalSeconds < Seconds : i < Inputs; i++)
        {
            byte[] input = Mutation.Of(inputs[random.NextInt(inputs.Count)], inputs[random.NextInt(inputs.Count)], random);
            if (input.Length > InputBytesMax) input = input[..InputBytesMax];
            if (repair is not null && random.Chance(0.5)) repair(input);
            tried++;
            if (Try(input, decode, $"NORI_FUZZ_SEED={Seed}, input {i}")) taken++;
        }

        return (tried, taken);
    }

    private bool Try(byte[] input, Func<byte[], bool> decode, string origin)
    {
        long before = GC.GetAllocatedBytesForCurrentThread();
        bool taken = false;
        try
        {
            taken = decode(input);
        }
        catch (CorruptionException)
        {
            // The right answer to most of them.
        }
        catch (Exception e)
        {
            throw new InvalidOperationException($"{origin}: kept as {Save(input)}", e);
        }

        long allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        if (allocated > AllocatedMax)
            Assert.Fail($"{origin}: {input.Length} bytes made it allocate {allocated}; kept as {Save(input)}");
        return taken;
    }

    private IEnumerable<string> Files() =>
        Directory.Exists(_corpus) ? Directory.EnumerateFiles(_corpus).Order(StringComparer.Ordinal) : [];

    private void Keep(IReadOnlyList<byte[]> valid)
    {
        if (Environment.GetEnvironmentVariable("UPDATE_GOLDEN") != "1" || Directory.Exists(_corpus)) return;
        Directory.CreateDirectory(_corpus);
        for (int i = 0; i < valid.Count; i++) File.WriteAllBytes(Path.Combine(_corpus, $"valid-{i}.bin"), valid[i]);
    }

    private string Save(byte[] input)
    {
        string directory = Path.Combine(FindRoot(), "artifacts", "fuzz");
        Directory.CreateDirectory(directory);
        string name = $"{project}-{target}-{Convert.ToHexString(SHA256.HashData(input))[..12]}.bin";
        File.WriteAllBytes(Path.Combine(directory, name), input);
        return $"artifacts/fuzz/{name}; move it to tests/{project}/corpus/{target}/";
    }

    private static string FindRoot()
    {
        for (DirectoryInfo? at = new(AppContext.BaseDirectory); at is not null; at = at.Parent)
            if (File.Exists(Path.Combine(at.FullName, "NoriKV.slnx"))) return at.FullName;
        throw new InvalidOperationException("no repository around the tests");
    }
}
