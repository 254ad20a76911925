using System.Diagnostics;
using System.Runtime.CompilerServices;

namespace Nori.IO.Tests;

/// <summary>
/// A kernel whose syncs fail, played by a library put in front with LD_PRELOAD: the adapter must throw, and
/// must not try again. The same library writes down what the kernel was asked, in order. A child process is needed because
/// the loader reads LD_PRELOAD at its start.
/// </summary>
public sealed class SyncFailureTests : IDisposable
{
    private const string ChildVariable = "NORI_IO_SYNC_CHILD";
    private const string ErrnoVariable = "NORI_IO_SHIM_ERRNO";
    private const string LogVariable = "NORI_IO_SHIM_LOG";

    private const string Shim = """
        #include <errno.h>
        #include <fcntl.h>
        #include <stdio.h>
        #include <stdlib.h>
        #include <unistd.h>
        #include <sys/stat.h>
        #include <sys/syscall.h>
        /* Fails the first call of each with the errno asked for; later ones succeed, as on a kernel that forgot. */
        static int fail_once(int *failed) {
            const char *text = getenv("NORI_IO_SHIM_ERRNO");
            if (!text || *failed) return 0;
            *failed = 1;
            errno = atoi(text);
            return 1;
        }
        static void note(const char *what, const char *path) {
            const char *log = getenv("NORI_IO_SHIM_LOG");
            FILE *file = log ? fopen(log, "a") : NULL;
            if (!file) return;
            fprintf(file, "%s %s\n", what, path);
            fclose(file);
        }
        int fdatasync(int fd) { static int f; return fail_once(&f) ? -1 : (int)syscall(SYS_fdatasync, fd); }
        int fsync(int fd) {
            static int f;
            char link[64], path[4096];
            snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
            ssize_t n = readlink(link, path, sizeof path - 1);
            path[n < 0 ? 0 : n] = 0;
            note("fsync", path);
            return fail_once(&f) ? -1 : (int)syscall(SYS_fsync, fd);
        }
        int mkdir(const char *path, mode_t mode) {
            note("mkdir", path);
            return (int)syscall(SYS_mkdirat, AT_FDCWD, path, mode);
        }
        """;

    private readonly string _directory = Directory.CreateTempSubdirectory("nori-io-sync-").FullName;

    [Theory]
    [InlineData(Errno.IO)]
    [InlineData(Errno.NoSpace)]
    [InlineData(Errno.Interrupted)]
    public void A_failing_sync_is_seen_once_and_not_retried(int errno)
    {
        string printed = RunChild(BuildShim(), (ErrnoVariable, errno.ToString(System.Globalization.CultureInfo.InvariantCulture)));
        Assert.Equal($"sync {errno} then ok; sync directory {errno} then ok", printed);
    }

    [Fact]
    public void Without_the_shim_the_child_syncs()
    {
        Assert.Equal("sync ok then ok; sync directory ok then ok", RunChild(null));
    }

    [Fact]
    public void A_directory_that_is_made_is_durable_in_its_parent_before_the_next_is_made()
    {
        string made = Path.Combine(_directory, "made");
        string[] expected = [$"mkdir {made}", $"fsync {_directory}", $"mkdir {made}/inner", $"fsync {made}"];
        Assert.Equal(expected, CallsOfMaking().TakeLast(4));
    }

    [Fact]
    public void An_empty_directory_may_be_what_a_crash_left_and_is_made_durable_and_one_in_use_is_left_alone()
    {
        string made = Path.Combine(_directory, "made");
        string inner = Directory.CreateDirectory(Path.Combine(made, "inner")).FullName;
        Assert.Equal($"fsync {made}", CallsOfMaking()[^1]);
        File.WriteAllText(Path.Combine(inner, "f"), "");
        Assert.DoesNotContain($"fsync {made}", CallsOfMaking());
    }

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    // Runs before the test runner's own Main when this executable was started as the child.
#pragma warning disable CA2255 // This is an executable, not a library.
    [ModuleInitializer]
    internal static void RunAsChild()
    {
        if (Environment.GetEnvironmentVariable(ChildVariable) is not { } directory) return;
        using (IFile file = DiskFileSystem.Instance.Open(Path.Combine(directory, "f"), FileOpen.OpenOrCreate))
        {
            file.Write(0, "x"u8);
            Console.Write($"sync {Try(file.Sync)} then {Try(file.Sync)}; ");
        }

        void SyncDirectory() => DiskFileSystem.Instance.SyncDirectory(directory);
        Console.Write($"sync directory {Try(SyncDirectory)} then {Try(SyncDirectory)}");
        Console.Out.Flush();
        if (Environment.GetEnvironmentVariable(LogVariable) is not null)
            DiskFileSystem.Instance.CreateDirectory(Path.Combine(directory, "made", "inner"));
        Environment.Exit(0);
    }
#pragma warning restore CA2255

    private string[] CallsOfMaking()
    {
        string log = Path.Combine(_directory, "calls");
        File.Delete(log);
        RunChild(BuildShim(), (LogVariable, log));
        return File.ReadAllLines(log);
    }

    private static string Try(Action action)
    {
        try
        {
            action();
            return "ok";
        }
        catch (StorageException e)
        {
            return e.Errno.ToString(System.Globalization.CultureInfo.InvariantCulture);
        }
    }

    private static string Run(string program, IEnumerable<string> arguments, Action<ProcessStartInfo>? configure = null)
    {
        ProcessStartInfo start = new(program, arguments)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        configure?.Invoke(start);
        using Process process = Process.Start(start)!;
        Task<string> errors = process.StandardError.ReadToEndAsync();
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        Assert.True(process.ExitCode == 0, $"{program} ended with {process.ExitCode}: {output}{errors.Result}");
        return output;
    }

    private string BuildShim()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "LD_PRELOAD is a facility of Linux");
        if (!File.Exists("/usr/bin/gcc"))
        {
            const string Reason = "needs gcc: sudo apt-get install -y --no-install-recommends gcc libc6-dev";
            bool mustHave = Environment.GetEnvironmentVariable("CI") == "true" || Environment.IsPrivilegedProcess;
            if (mustHave) Assert.Fail(Reason);
            Assert.Skip(Reason);
        }

        string source = Path.Combine(_directory, "shim.c"), library = Path.Combine(_directory, "shim.so");
        File.WriteAllText(source, Shim);
        Run("/usr/bin/gcc", ["-shared", "-fPIC", "-O1", "-o", library, source]);
        return library;
    }

    private string RunChild(string? shim, params (string Name, string Value)[] variables) => Run(
        Environment.ProcessPath!,
        Path.GetFileNameWithoutExtension(Environment.ProcessPath) == "dotnet"
            ? [typeof(SyncFailureTests).Assembly.Location]
            : [],
        start =>
        {
            start.Environment[ChildVariable] = _directory;
            if (shim is not null) start.Environment["LD_PRELOAD"] = shim;
            foreach ((string name, string value) in variables) start.Environment[name] = value;
        });
}
