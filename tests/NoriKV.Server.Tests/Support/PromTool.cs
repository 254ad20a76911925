using System.Diagnostics;

namespace NoriKV.Server.Tests;

/// <summary>Prometheus's own tool, of Debian's package prometheus.</summary>
internal static class PromTool
{
    private static string? Found { get; } = (Environment.GetEnvironmentVariable("PATH") ?? string.Empty).Split(':')
        .Select(static directory => Path.Combine(directory, "promtool"))
        .FirstOrDefault(File.Exists);

    public static bool IsThere => Found is not null;

    /// <summary>Skips the test with the reason; fails it where the tool must be there.</summary>
    public static void Skip()
    {
        const string Reason = "needs promtool: sudo apt-get install -y --no-install-recommends prometheus";
        if (Environment.GetEnvironmentVariable("CI") == "true" || Environment.IsPrivilegedProcess) Assert.Fail(Reason);
        Assert.Skip(Reason);
    }

    /// <summary>What it prints; it must end with 0.</summary>
    public static async Task<string> RunAsync(string input, params string[] arguments)
    {
        var start = new ProcessStartInfo(Found!, arguments)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        using Process process = Process.Start(start)!;
        Task<string> errors = process.StandardError.ReadToEndAsync(), output = process.StandardOutput.ReadToEndAsync();
        await process.StandardInput.WriteAsync(input);
        process.StandardInput.Close();
        string printed = await output + await errors;
        await process.WaitForExitAsync();
        Assert.True(process.ExitCode == 0, printed);
        return printed;
    }
}
