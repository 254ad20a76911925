using System.Diagnostics;
using System.Globalization;
using System.Text;

namespace Nori.Core.Tests;

public sealed class XxHash64Tests
{
    private const ulong PrimeSeed = 2654435761;

    [Theory]
    [InlineData("", 17241709254077376921)]
    [InlineData("a", 15154266338359012955)]
    [InlineData("hello", 2794345569481354659)]
    [InlineData("user:123", 12838382303697200627)]
    public void The_check_values_of_the_wire_hold(string key, ulong hash)
    {
        Assert.Equal(hash, XxHash64.Hash(Encoding.UTF8.GetBytes(key)));
    }

    // The sanity checks of the reference implementation (xxhsum.c): a generated buffer, with seed 0 and a prime seed.
    [Theory]
    [InlineData(0, 0, 0xEF46DB3751D8E999)]
    [InlineData(0, PrimeSeed, 0xAC75FDA2929B17EF)]
    [InlineData(1, 0, 0x4FCE394CC88952D8)]
    [InlineData(1, PrimeSeed, 0x739840CB819FA723)]
    [InlineData(14, 0, 0xCFFA8DB881BC3A3D)]
    [InlineData(14, PrimeSeed, 0x5B9611585EFCC9CB)]
    [InlineData(101, 0, 0x0EAB543384F878AD)]
    [InlineData(101, PrimeSeed, 0xCAA65939306F1E21)]
    public void The_sanity_checks_of_the_reference_hold(int length, ulong seed, ulong hash)
    {
        byte[] buffer = new byte[length];
        uint generator = (uint)PrimeSeed;
        for (int i = 0; i < length; i++)
        {
            buffer[i] = (byte)(generator >> 24);
            generator *= generator;
        }

        Assert.Equal(hash, XxHash64.Hash(buffer, seed));
    }

    [Fact]
    public async Task Every_length_equals_what_xxhsum_prints()
    {
        string xxhsum = Require("xxhsum", "xxhash");
        DirectoryInfo directory = Directory.CreateTempSubdirectory("nori-core-");
        try
        {
            Prng random = new(3);
            Dictionary<string, ulong> expected = [];
            for (int length = 0; length < 200; length++)
            {
                byte[] data = new byte[length];
                random.Fill(data);
                string file = Path.Combine(directory.FullName, length.ToString(CultureInfo.InvariantCulture));
                await File.WriteAllBytesAsync(file, data, TestContext.Current.CancellationToken);
                expected[file] = XxHash64.Hash(data);
            }

            ProcessStartInfo start = new(xxhsum, ["-H64", .. expected.Keys]) { RedirectStandardOutput = true };
            using Process process = Process.Start(start)!;
            string printed = await process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
            await process.WaitForExitAsync(TestContext.Current.CancellationToken);
            Dictionary<string, ulong> actual = printed.Split('\n', StringSplitOptions.RemoveEmptyEntries)
                .Select(line => line.Split("  "))
                .ToDictionary(parts => parts[1], parts => ulong.Parse(parts[0], NumberStyles.HexNumber, null));
            Assert.Equal(expected, actual);
        }
        finally
        {
            directory.Delete(recursive: true);
        }
    }

    private static string Require(string program, string package)
    {
        string? found = (Environment.GetEnvironmentVariable("PATH") ?? string.Empty).Split(':')
            .Select(directory => Path.Combine(directory, program))
            .FirstOrDefault(File.Exists);
        if (found is not null) return found;
        string reason = $"needs {program}: sudo apt-get install -y --no-install-recommends {package}";
        bool mustHave = Environment.GetEnvironmentVariable("CI") == "true" || Environment.IsPrivilegedProcess;
        if (mustHave) Assert.Fail(reason);
        Assert.Skip(reason);
        return string.Empty;
    }
}
