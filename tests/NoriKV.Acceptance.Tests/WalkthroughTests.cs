using System.Diagnostics;
using System.Text;
using System.Text.RegularExpressions;

namespace NoriKV.Acceptance;

/// <summary>
/// The pages under docs that show commands with what they print (fences of <c>console</c>), typed by a test into one shell, in their
/// order, against a node or a cluster as the page's first lines ask (<c>&lt;!-- walk: 3 nodes --&gt;</c>). <c>…</c> stands for anything.
/// </summary>
[Trait("Category", "Slow")]
public sealed partial class WalkthroughTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(5);

    private static readonly string Docs = Path.Combine(RepositoryRoot(), "docs");

    public static TheoryData<string> Pages => new(Directory
        .GetFiles(Docs, "*.md", SearchOption.AllDirectories)
        .Where(static f => Fence().IsMatch(File.ReadAllText(f)))
        .Select(static f => Path.GetRelativePath(Docs, f))
        .Order(StringComparer.Ordinal));

    [Fact]
    public void There_are_such_pages() => Assert.True(Pages.Count >= 6, $"{Pages.Count} pages");

    [Theory]
    [MemberData(nameof(Pages))]
    public async Task What_a_page_shows_is_what_happens(string page)
    {
        string text = await File.ReadAllTextAsync(Path.Combine(Docs, page));
        string folder = Directory.CreateTempSubdirectory("norikv-walk-").FullName;
        try
        {
            Step[] steps = [.. Fence().Matches(text).SelectMany(static m => Steps(m.Groups[1].Value))];
            Match asked = Walk().Match(text);
            Assert.True(asked.Success, $"{page} has console fences and does not say <!-- walk: N nodes -->");
            int nodes = int.Parse(asked.Groups[1].Value, System.Globalization.CultureInfo.InvariantCulture);
            string said = await RunAsync(folder, nodes, steps);
            string[] outputs = said.Split(Mark);
            var wrong = new StringBuilder();
            for (int i = 0; i < steps.Length; i++)
            {
                string printed = i + 1 < outputs.Length ? outputs[i + 1].Trim('\n') : "(the shell ended before)";
                if (!Regex.IsMatch(printed, steps[i].Pattern, RegexOptions.Singleline))
                    wrong.Append($"$ {steps[i].Command}\nthe page says:\n{steps[i].Expected}\nit prints:\n{printed}\n\n");
            }

            Assert.True(wrong.Length == 0, $"docs/{page}:\n{wrong}");
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private const string Mark = "\u0001";

    private static async Task<string> RunAsync(string folder, int nodes, Step[] steps)
    {
        if (nodes == 0) return await ShellAsync(folder, [], steps);
        string[] args =
        [
            "dev", "--nodes", $"{nodes}", "--rpc-addr", "127.0.0.1:0", "--http-addr", "127.0.0.1:0",
            "--data-dir", Path.Combine(folder, "data"),
        ];
        (NorikvProcess dev, IReadOnlyDictionary<string, string> _) = await NorikvProcess.ServeAsync(args);
        await using (dev)
        {
            using var late = new CancellationTokenSource(Patience);
            List<Dictionary<string, string>> ready;
            while ((ready = Ready(dev.Output)).Count < nodes) await Task.Delay(50, late.Token);
            return await ShellAsync(folder, ready, steps);
        }
    }

    private static List<Dictionary<string, string>> Ready(string output) =>
    [
        .. output.Split('\n').Where(static l => l.StartsWith("ready ", StringComparison.Ordinal)).Select(static l => l.Trim().Split(' ')
            .Skip(1).Select(static p => p.Split('=', 2)).ToDictionary(static p => p[0], static p => p[1])),
    ];

    // The usual addresses of a page are those of its nodes; norikv is the program under test.
    private static async Task<string> ShellAsync(string folder, List<Dictionary<string, string>> nodes, Step[] steps)
    {
        var script = new StringBuilder("exec 2>&1 </dev/null\n");
        script.Append($"norikv() {{ dotnet '{Path.Combine(AppContext.BaseDirectory, "norikv.dll")}' \"$@\"; }}\n");
        foreach (Step step in steps)
        {
            string command = step.Command;
            for (int i = 0; i < nodes.Count; i++)
            {
                command = command.Replace($"127.0.0.1:{8080 + i}", nodes[i]["http"], StringComparison.Ordinal)
                    .Replace($"127.0.0.1:{7447 + i}", nodes[i]["rpc"], StringComparison.Ordinal)
                    .Replace($"PID_OF_N{i + 1}", nodes[i].GetValueOrDefault("pid", "0"), StringComparison.Ordinal);
            }

            script.Append($"printf '\\001'\n{command}\n");
        }

        var start = new ProcessStartInfo("bash") { WorkingDirectory = folder, RedirectStandardInput = true, RedirectStandardOutput = true };
        start.ArgumentList.Add("-c");
        start.ArgumentList.Add(script.ToString());
        start.Environment["NORIKV_ADDR"] = string.Join(',', nodes.Select(static n => n["rpc"]));
        start.Environment["NORIKV_HTTP"] = nodes.FirstOrDefault()?["http"] ?? "";
        start.Environment["no_proxy"] = "127.0.0.1,localhost";
        using Process shell = Process.Start(start)!;
        shell.StandardInput.Close();
        using var late = new CancellationTokenSource(Patience);
        try
        {
            string said = await shell.StandardOutput.ReadToEndAsync(late.Token);
            await shell.WaitForExitAsync(late.Token);
            return nodes.Count == 0 ? said : Usual(said, nodes);
        }
        finally
        {
            if (!shell.HasExited) shell.Kill(entireProcessTree: true);
        }
    }

    private static string Usual(string said, List<Dictionary<string, string>> nodes)
    {
        for (int i = 0; i < nodes.Count; i++)
        {
            said = said.Replace(nodes[i]["http"], $"127.0.0.1:{8080 + i}", StringComparison.Ordinal)
                .Replace(nodes[i]["rpc"], $"127.0.0.1:{7447 + i}", StringComparison.Ordinal);
        }

        return said;
    }

    private static IEnumerable<Step> Steps(string fence)
    {
        string[] parts = Regex.Split(fence, "^\\$ ", RegexOptions.Multiline);
        foreach (string part in parts.Skip(1))
        {
            string[] lines = part.TrimEnd('\n').Split('\n');
            int command = 1;
            while (command < lines.Length && lines[command - 1].EndsWith('\\')) command++;
            yield return new Step(string.Join('\n', lines[..command]), string.Join('\n', lines[command..]));
        }
    }

    private static string RepositoryRoot()
    {
        string folder = AppContext.BaseDirectory;
        while (!File.Exists(Path.Combine(folder, "NoriKV.slnx"))) folder = Path.GetDirectoryName(folder)!;
        return folder;
    }

    [GeneratedRegex("^```console\n(.*?)^```", RegexOptions.Singleline | RegexOptions.Multiline)]
    private static partial Regex Fence();

    [GeneratedRegex("^<!-- walk: (\\d) nodes? -->", RegexOptions.Multiline)]
    private static partial Regex Walk();

    private sealed record Step(string Command, string Expected)
    {
        public string Pattern => $"^{Regex.Escape(Expected).Replace("…", ".*?", StringComparison.Ordinal)}$";
    }
}
