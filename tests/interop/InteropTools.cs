using System.Diagnostics;

namespace NoriKV.Interop;

/// <summary>
/// Runs the scripts beside this file with the official clients of other languages. What they need is
/// installed as root or with CI=true; where it then still is missing, that is a failure; elsewhere the test
/// is skipped and says what to install. Linked into the test projects that use it.
/// </summary>
internal static class InteropTools
{
    private const string Python = "/usr/bin/python3";
    private const string PythonPackages = "python3-grpcio python3-protobuf protobuf-compiler";
    private static readonly TimeSpan ScriptPatience = TimeSpan.FromSeconds(150);
    private static readonly TimeSpan InstallPatience = TimeSpan.FromMinutes(5);

    /// <summary>The folder of NoriKV.slnx.</summary>
    public static string RepositoryRoot { get; } = FindRoot();

    /// <summary>
    /// Runs a script of tests/interop/python and fails with its output unless it ends with 0.
    /// </summary>
    public static async Task RunPythonAsync(string script, params string[] arguments)
    {
        const string Probe = "import grpc, google.protobuf";
        if (!await SucceedsAsync(Python, ["-c", Probe]) || !await SucceedsAsync("protoc", ["--version"]))
        {
            await InstallAsync(
                "Debian's grpcio",
                $"apt-get install -y --no-install-recommends {PythonPackages}",
                "/bin/sh",
                ["-c", "export DEBIAN_FRONTEND=noninteractive; apt-get -qq update; "
                    + "apt-get -o DPkg::Lock::Timeout=120 -qq install -y --no-install-recommends " + PythonPackages],
                () => SucceedsAsync(Python, ["-c", Probe]));
        }

        await RunScriptAsync(Python, Path.Combine(RepositoryRoot, "tests", "interop", "python", script), arguments);
    }

    /// <summary>
    /// Runs a script of tests/interop/node and fails with its output unless it ends with 0.
    /// </summary>
    public static Task RunNodeAsync(string script, params string[] arguments) =>
        RunNodeAsync("node", "@grpc/proto-loader", script, arguments);

    /// <summary>Decodes an OTLP request with the official definitions, into JSON.</summary>
    public static Task<string> DecodeOtlpAsync(string signal, string file) =>
        RunNodeAsync("otlp", "@opentelemetry/otlp-grpc-exporter-base", "decode.js", signal, file);

    private static async Task<string> RunNodeAsync(string subfolder, string package, string script, params string[] arguments)
    {
        string folder = Path.Combine(RepositoryRoot, "tests", "interop", subfolder);
        if (!File.Exists(Path.Combine(folder, "node_modules", package, "package.json"))
            || !await SucceedsAsync("node", ["--version"]))
        {
            // Several test processes may find it missing at once: the lock lets one of them install.
            await InstallAsync(
                $"npm's {package}",
                (await SucceedsAsync("npm", ["--version"])
                    ? "" : "sudo apt-get install -y --no-install-recommends nodejs npm && ")
                    + $"(cd tests/interop/{subfolder} && npm install)",
                "/bin/sh",
                ["-c", $"cd '{folder}' && flock .install.lock npm install --no-package-lock --no-audit --no-fund --silent"],
                () => SucceedsAsync("node", ["-e", $"require.resolve('{folder}/node_modules/{package}/package.json')"]),
                mayInstall: true);
        }

        return await RunScriptAsync("node", Path.Combine(folder, script), arguments);
    }

    private static async Task InstallAsync(
        string what, string line, string file, string[] arguments, Func<Task<bool>> isThere, bool mayInstall = false)
    {
        bool ci = Environment.GetEnvironmentVariable("CI") == "true";
        bool must = ci || Environment.UserName == "root";
        string output = "";
        if (must || mayInstall)
        {
            (_, output) = await RunAsync(file, arguments, InstallPatience);
            if (await isThere()) return;
        }

        if (must) Assert.Fail($"{what} could not be installed: {output}");
        Assert.Skip($"{what} is missing; install it with: {line}");
    }

    private static async Task<string> RunScriptAsync(string file, string script, string[] arguments)
    {
        (int code, string output) = await RunAsync(file, [script, .. arguments], ScriptPatience);
        TestContext.Current.TestOutputHelper?.WriteLine(output);
        Assert.True(
            code == 0, $"ended with {code}; again with: {file} {script} {string.Join(' ', arguments)}\n{output}");
        return output;
    }

    private static async Task<bool> SucceedsAsync(string file, string[] arguments)
    {
        (int code, _) = await RunAsync(file, arguments, TimeSpan.FromSeconds(30));
        return code == 0;
    }

    private static async Task<(int Code, string Output)> RunAsync(string file, string[] arguments, TimeSpan patience)
    {
        var start = new ProcessStartInfo(file, arguments)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            RedirectStandardInput = true,
        };
        start.Environment["PYTHONDONTWRITEBYTECODE"] = "1";
        // A proxy of the environment is not for loopback.
        start.Environment["no_proxy"] = "127.0.0.1,localhost";
        using var process = new Process { StartInfo = start };
        try
        {
            process.Start();
        }
        catch (System.ComponentModel.Win32Exception e)
        {
            return (127, e.Message);
        }

        process.StandardInput.Close();
        Task<string> output = process.StandardOutput.ReadToEndAsync();
        Task<string> errors = process.StandardError.ReadToEndAsync();
        using var timer = new CancellationTokenSource(patience);
        try
        {
            await process.WaitForExitAsync(timer.Token);
        }
        catch (OperationCanceledException)
        {
            process.Kill(entireProcessTree: true);
            return (124, $"killed after {patience.TotalSeconds:0} s\n{await output}{await errors}");
        }

        return (process.ExitCode, await output + await errors);
    }

    private static string FindRoot()
    {
        DirectoryInfo? folder = new(AppContext.BaseDirectory);
        while (folder is not null && !File.Exists(Path.Combine(folder.FullName, "NoriKV.slnx"))) folder = folder.Parent;
        return folder?.FullName ?? throw new DirectoryNotFoundException("NoriKV.slnx is not above the tests.");
    }
}
