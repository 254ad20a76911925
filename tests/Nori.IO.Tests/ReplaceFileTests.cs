using System.Text;

namespace Nori.IO.Tests;

/// <summary>The idiom for small files that must be old or new and never in between, crashed and failed at every call.</summary>
public sealed class ReplaceFileTests
{
    private const string File = "/db/CURRENT";
    private static readonly string Old = new('o', 700);
    private static readonly string New = new('n', 1500);

    [Fact]
    public void A_crash_before_any_call_leaves_the_old_file_or_the_new_one()
    {
        MemoryFileSystem memory = Prepared();
        FaultInjectingFileSystem files = new(memory);
        HashSet<string> seen = [];
        files.Add(new FaultRule
        {
            Times = FaultRule.Forever,
            Errno = 0,
            Action = call => Crash(memory, call.ToString(), seen),
        });
        files.ReplaceFile(File, Encoding.ASCII.GetBytes(New));
        Assert.Equal(6, files.TotalCalls);
        Assert.Equal([New, Old], seen.Order());

        seen.Clear();
        Crash(memory, "the end", seen);
        Assert.Equal([New], seen);
    }

    [Fact]
    public void A_failure_of_any_call_is_thrown_and_leaves_the_old_file_or_the_new_one()
    {
        for (int call = 0; call < 6; call++)
        {
            MemoryFileSystem memory = Prepared();
            FaultInjectingFileSystem files = new(memory);
            files.Add(new FaultRule { AfterCalls = call, PartialBytes = 10 });
            Assert.Throws<StorageException>(() => files.ReplaceFile(File, Encoding.ASCII.GetBytes(New)));
            Crash(memory, $"failed call {call}", []);

            // The next attempt finds what the failed one left, and succeeds.
            files.ReplaceFile(File, Encoding.ASCII.GetBytes(New));
            Assert.Equal(New, Encoding.ASCII.GetString(memory.ReadAllBytes(File)));
        }
    }

    private static MemoryFileSystem Prepared()
    {
        MemoryFileSystem memory = new();
        memory.CreateDirectory("/db");
        memory.ReplaceFile(File, Encoding.ASCII.GetBytes(Old));
        return memory;
    }

    private static void Crash(MemoryFileSystem memory, string when, HashSet<string> seen)
    {
        for (ulong seed = 0; seed < 100; seed++)
        {
            string left = Encoding.ASCII.GetString(memory.Crash(seed, CrashMode.PowerLossGarbage).ReadAllBytes(File));
            Assert.True(left == Old || left == New, $"crash seed {seed} before {when} left {left.Length} bytes: {left}");
            seen.Add(left);
        }
    }
}
