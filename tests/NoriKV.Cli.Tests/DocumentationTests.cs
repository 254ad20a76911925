using System.Diagnostics;
using System.Text.Json;
using System.Text.RegularExpressions;
using NoriKV.Cli.Console;
using NoriKV.Server;

namespace NoriKV.Cli.Tests;

/// <summary>
/// What the pages show can be typed: shell samples are read by bash and their norikv lines by the real parser, configuration files by
/// the real reader. (C# samples are compiled and run by NoriKV.Tidy's PackageTests, consoles walked by the acceptance tests.)
/// </summary>
public sealed partial class DocumentationTests
{
    private static readonly string Root = RepositoryRoot();

    private static readonly CliHost Host = new() { Input = Stream.Null, Output = Stream.Null, Error = TextWriter.Null };

    // Commands that a page may name before a mark of what it leaves out.
    private static readonly HashSet<string> Known = [.. CliApp.Commands(Host).Select(static c => c.Words)];

    private static IEnumerable<string> Pages => Directory
        .GetFiles(Root, "*.md", SearchOption.AllDirectories)
        .Select(static f => Path.GetRelativePath(Root, f))
        .Where(static f => !Generated().IsMatch(f))
        .Order(StringComparer.Ordinal);

    [Fact]
    public void Every_norikv_line_of_a_sample_is_one_that_norikv_takes()
    {
        List<string> wrong = [];
        int judged = 0;
        foreach ((string page, string language, string text) in Fences())
        {
            if (language is not ("sh" or "console" or "")) continue;
            foreach (string[] command in ShellText.Commands(language == "console" ? Typed(text) : text)) Judge(page, command);
        }

        Assert.True(judged > 100, $"only {judged} lines were found");
        Assert.True(wrong.Count == 0, string.Join('\n', wrong));

        void Judge(string page, string[] command)
        {
            if (command[0] is not ("norikv" or "./norikv")) return;
            judged++;
            if (CliApp.Judge(command[1..], Host) is { Length: > 0 } problem) wrong.Add($"{page}: {string.Join(' ', command)}: {problem}");
        }
    }

    [Fact]
    public void Every_norikv_line_in_a_sentence_is_one_that_norikv_takes()
    {
        List<string> wrong = [];
        // A record of a decision tells of its day.
        foreach (string page in Pages.Where(static p => !p.StartsWith("docs/decisions/", StringComparison.Ordinal)))
        {
            foreach (Match code in Inline().Matches(WithoutFences(File.ReadAllText(Path.Combine(Root, page)))))
            {
                foreach (string[] command in ShellText.Commands(code.Groups[1].Value))
                {
                    if (command[0] is not ("norikv" or "./norikv") || Leaves(command)) continue;
                    // A sentence may name a command or an option without what follows it; not one that there is not.
                    if (CliApp.Judge([.. command[1..].Select(Filled)], Host) is { Length: > 0 } problem
                        && !problem.StartsWith("Required argument missing", StringComparison.Ordinal))
                        wrong.Add($"{page}: {string.Join(' ', command)}: {problem}");
                }
            }
        }

        Assert.True(wrong.Count == 0, string.Join('\n', wrong));
    }

    [Fact]
    public void Every_command_shows_examples_that_norikv_takes_and_stands_on_the_page_of_the_command_line()
    {
        string page = File.ReadAllText(Path.Combine(Root, "docs", "cli.md"));
        Assert.All(CliApp.Commands(Host), command =>
        {
            Assert.NotEmpty(command.Examples);
            Assert.All(command.Examples, example => Assert.All(
                ShellText.Commands(example).Where(static c => c[0] == "norikv" && c[1] != "COMMAND"),
                static c => Assert.Equal("", CliApp.Judge(c[1..], Host))));
            if (command.Words.Split(' ') is [_] one) Assert.Contains($"`{one[0]}", page, StringComparison.Ordinal);
        });
    }

    [Fact]
    public void Every_shell_sample_is_a_script()
    {
        List<string> wrong = [];
        foreach ((string page, string language, string text) in Fences())
        {
            if (language is not ("sh" or "console")) continue;
            using Process bash = Process.Start(new ProcessStartInfo("bash", ["-n", "-c", language == "console" ? Typed(text) : text])
            {
                RedirectStandardError = true,
            })!;
            string said = bash.StandardError.ReadToEnd();
            bash.WaitForExit();
            if (bash.ExitCode != 0) wrong.Add($"{page}: {said}");
        }

        Assert.True(wrong.Count == 0, string.Join('\n', wrong));
    }

    [Fact]
    public void Every_configuration_file_is_one_that_a_server_takes()
    {
        int files = 0;
        foreach ((string page, string language, string text) in Fences())
        {
            if (language != "yaml") continue;
            files++;
            ConfigurationResult read = ServerConfiguration.Load(text, [], [], page);
            Assert.Empty(read.Errors);
            Assert.Empty(read.Warnings);
        }

        Assert.True(files >= 3, $"only {files} files were found");
    }

    [Fact]
    public void Every_sample_says_its_language_and_json_is_json()
    {
        string[] anywhere = ["sh", "console", "csharp", "yaml", "json", ""];
        string[] inSdks = ["go", "java", "python", "js"];
        Assert.All(Fences(), fence =>
        {
            bool isOfSdk = fence.Page.StartsWith("sdks/", StringComparison.Ordinal);
            Assert.Contains(fence.Language, isOfSdk ? [.. anywhere, .. inSdks] : anywhere);
            // What has no language is a drawing or an output: nothing that somebody would type.
            if (fence.Language.Length == 0) Assert.DoesNotMatch("(?m)^(\\$ |\\./norikv |curl )", fence.Text);
            if (fence.Language == "json") JsonDocument.Parse(fence.Text).Dispose();
        });
    }

    [Fact]
    public void Every_setting_stands_in_the_table_of_the_operators()
    {
        string page = File.ReadAllText(Path.Combine(Root, "docs", "operations.md"));
        IEnumerable<string> missing = Settings.All
            .Where(s => !page.Contains($"`{s.Path}`", StringComparison.Ordinal)
                && !page.Contains($"`{s.Path[s.Path.LastIndexOf('.')..]}`", StringComparison.Ordinal))
            .Select(static s => s.Path);
        Assert.Empty(missing);
    }

    [Fact]
    public void Every_route_stands_on_the_page_of_rest()
    {
        string page = File.ReadAllText(Path.Combine(Root, "docs", "rest.md"));
        string facade = File.ReadAllText(Path.Combine(Root, "src", "NoriKV.Transport.Http", "HttpFacade.cs"));
        string[] routes = [.. Route().Matches(facade).Select(static m => m.Groups[1].Value).Where(static r => r != "/index.html")];
        Assert.True(routes.Length > 10, $"only {routes.Length} routes were found");
        Assert.All(routes, route => Assert.Matches($"`(GET |PUT )?{Regex.Escape(route)}[`?]", page));
    }

    // "norikv cluster …" names a command and shows none; what stands in brackets may be left out.
    private static bool Leaves(string[] command) =>
        Array.Exists(command, static w => w.Contains('…', StringComparison.Ordinal) || w.StartsWith('['))
        || Known.Contains(string.Join(' ', command[1..]));

    // KEY stands for a key, N for a number: one word that is either.
    private static string Filled(string word) => word.All(char.IsAsciiLetterUpper) ? "1" : word;

    private static string Typed(string console) =>
        string.Join('\n', Prompt().Matches(console).Select(static m => m.Groups[1].Value));

    private static IEnumerable<(string Page, string Language, string Text)> Fences() => Pages.SelectMany(static page =>
        Fence().Matches(File.ReadAllText(Path.Combine(Root, page))).Select(m => (page, m.Groups[1].Value, m.Groups[2].Value)));

    private static string WithoutFences(string markdown) => Fence().Replace(markdown, "");

    private static string RepositoryRoot()
    {
        string folder = AppContext.BaseDirectory;
        while (!File.Exists(Path.Combine(folder, "NoriKV.slnx"))) folder = Path.GetDirectoryName(folder)!;
        return folder;
    }

    // The API reference has samples of nobody's hand; the other folders are not of the repository.
    [GeneratedRegex("^docs/api/|(^|/)(\\.build|artifacts|bin|obj|node_modules|testdata)/")]
    private static partial Regex Generated();

    [GeneratedRegex("^```([a-z]*)\n(.*?)^```", RegexOptions.Singleline | RegexOptions.Multiline)]
    private static partial Regex Fence();

    [GeneratedRegex("(?<!`)`(\\.?/?norikv [^`]+)`(?!`)")]
    private static partial Regex Inline();

    [GeneratedRegex("case \"(/[a-z/]*)\"")]
    private static partial Regex Route();

    [GeneratedRegex("^\\$ ((?:[^\n]*\\\\\n)*[^\n]*)", RegexOptions.Multiline)]
    private static partial Regex Prompt();
}
