using System.Diagnostics;
using System.Text.Json;
using System.Text.RegularExpressions;

namespace NoriKV.Tidy;

/// <summary>
/// What a user outside the repository does: restores the packages from a folder, pastes the example of a README or a
/// recipe into an empty program, and runs it. A recipe checks its own result and says so by its exit code.
/// </summary>
[Trait("Category", "Slow")]
public sealed partial class PackageTests(ITestOutputHelper output)
{
    private const string ExampleAddress = "127.0.0.1:7447";
    private const string ExampleHttpAddress = "127.0.0.1:8080";

    // What a program prints where that is all that it shows; the others print a line when they have checked themselves.
    private static readonly Dictionary<string, string> Printed = new()
    {
        ["NoriKV.Client.Example1"] = "VERSION_MISMATCH\nuser:1 = Ada Lovelace\nAda Lovelace\n",
    };

    [Fact]
    public async Task Every_package_restores_from_a_folder_and_every_readme_example_runs()
    {
        string folder = Directory.CreateTempSubdirectory("norikv-consumer-").FullName;
        try
        {
            string packages = Path.Combine(folder, "packages");
            await Run(
                Repository.Root, "dotnet", $"pack NoriKV.slnx -c {Configuration} --no-build -o \"{packages}\" -v q");
            Assert.All(
                Repository.Projects.Select(p => p.Name == "NoriKV.Cli" ? "norikv" : p.Name),
                name => Assert.True(File.Exists(Path.Combine(packages, $"{name}.0.1.0.nupkg")), name));

            Example[] examples = Examples().ToArray();
            Assert.All(
                Repository.Packages.Where(p => p.Name != "NoriKV.Cli"),
                p => Assert.Contains(examples, e => e.Package == p.Name));
            // A library is small in use where a whole use of it is, storage of one's own included.
            Assert.InRange(examples.Single(e => e.Name == "Nori.Raft.Example1").Source.Count(c => c == '\n'), 1, 60);
            Assert.True(examples.Count(e => e.Name.StartsWith("recipe.", StringComparison.Ordinal)) >= 6, "recipes are missing");
            await using Node node = await Node.StartAsync(Path.Combine(folder, "data"));
            foreach (Example example in examples) example.WriteTo(folder, node);
            string projects = string.Concat(examples.Select(e => $"<Project Path=\"{e.Name}/{e.Name}.csproj\" />"));
            await File.WriteAllTextAsync(
                Path.Combine(folder, "consumer.slnx"), $"<Solution>{projects}</Solution>");
            await Run(
                folder, "dotnet", $"build consumer.slnx -v q -p:RestoreAdditionalProjectSources=\"{packages}\"");

            foreach (Example example in examples)
            {
                string work = Directory.CreateDirectory(Path.Combine(folder, example.Name, "run")).FullName;
                string printed = await Run(work, "dotnet", $"../bin/Debug/net10.0/{example.Name}.dll", node.RpcAddress);
                output.WriteLine($"{example.Name}: {printed.Trim()}");
                Assert.False(string.IsNullOrWhiteSpace(printed), $"the example {example.Name} prints nothing");
                if (Printed.TryGetValue(example.Name, out string? wanted)) Assert.Equal(wanted, printed);
            }

            Assert.All(Printed.Keys, name => Assert.Contains(examples, e => e.Name == name));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static string Configuration =>
        AppContext.BaseDirectory.Contains("/Release/", StringComparison.Ordinal) ? "Release" : "Debug";

    private static IEnumerable<Example> Examples()
    {
        foreach (Repository.Project package in Repository.Packages)
        {
            string readme = Path.Combine(package.Directory, "README.md");
            if (!File.Exists(readme)) continue;
            foreach (Example example in Examples(File.ReadAllText(readme), package.Name)) yield return example;
        }

        foreach (Example example in Examples(Repository.Read("README.md"), null)) yield return example;
        foreach (string file in Repository.Files.Where(f => f.StartsWith("docs/", StringComparison.Ordinal)
            && f.EndsWith(".md", StringComparison.Ordinal)).Order(StringComparer.Ordinal))
        {
            string kind = file.StartsWith("docs/recipes/", StringComparison.Ordinal) ? "recipe" : "docs";
            string name = $"{kind}.{Path.GetFileNameWithoutExtension(file)}";
            foreach (Example example in Examples(Repository.Read(file), null, name)) yield return example;
        }
    }

    private static IEnumerable<Example> Examples(string markdown, string? package, string? name = null) => CSharpBlock()
        .Matches(markdown)
        .Select((m, i) => new Example($"{name ?? package ?? "README"}.Example{i + 1}", package, m.Groups[1].Value));

    private static async Task<string> Run(string directory, string file, string arguments, string? address = null)
    {
        var start = new ProcessStartInfo(file, arguments)
        {
            WorkingDirectory = directory,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            RedirectStandardInput = true,
        };
        if (address is not null) start.Environment["NORIKV_ADDR"] = address;
        using Process process = Process.Start(start)!;
        process.StandardInput.Close();
        Task<string> error = process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        string text = await process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        Assert.True(
            process.ExitCode == 0,
            $"{file} {arguments} in {directory} ended with {process.ExitCode}\n{text}\n{await error}");
        return text;
    }

    [GeneratedRegex(@"^```csharp\r?\n(.*?)^```", RegexOptions.Singleline | RegexOptions.Multiline)]
    private static partial Regex CSharpBlock();

    private sealed record Example(string Name, string? Package, string Source)
    {
        public void WriteTo(string folder, Node node)
        {
            string directory = Directory.CreateDirectory(Path.Combine(folder, Name)).FullName;
            IEnumerable<string> packages = Package is null
                ? Repository.Packages.Select(p => p.Name).Where(n => n != "NoriKV.Cli")
                : [Package];
            string references = string.Concat(
                packages.Select(p => $"<PackageReference Include=\"{p}\" Version=\"0.1.0\" />"));
            string framework = Source.Contains("Microsoft.AspNetCore", StringComparison.Ordinal)
                ? "<FrameworkReference Include=\"Microsoft.AspNetCore.App\" />"
                : string.Empty;
            string home = Environment.GetFolderPath(Environment.SpecialFolder.UserProfile);
            string cache = Path.Combine(home, ".nuget", "packages");
            File.WriteAllText(
                Path.Combine(directory, Name + ".csproj"),
                $"""
                <Project Sdk="Microsoft.NET.Sdk">
                  <PropertyGroup>
                    <TargetFramework>net10.0</TargetFramework>
                    <OutputType>Exe</OutputType>
                    <Nullable>enable</Nullable>
                    <ImplicitUsings>enable</ImplicitUsings>
                    <RestorePackagesPath>{folder}/restored</RestorePackagesPath>
                    <RestoreFallbackFolders>{cache}</RestoreFallbackFolders>
                  </PropertyGroup>
                  <ItemGroup>{references}{framework}</ItemGroup>
                </Project>
                """);
            File.WriteAllText(
                Path.Combine(directory, "Program.cs"),
                Source.Replace(ExampleAddress, node.RpcAddress, StringComparison.Ordinal)
                    .Replace(ExampleHttpAddress, node.HttpAddress, StringComparison.Ordinal));
        }
    }

    /// <summary>The real server process on free ports, for the examples that talk to one.</summary>
    private sealed class Node : IAsyncDisposable
    {
        private readonly Process _process;

        private Node(Process process, string rpc, string http) => (_process, RpcAddress, HttpAddress) = (process, rpc, http);

        public string RpcAddress { get; }

        public string HttpAddress { get; }

        public static async Task<Node> StartAsync(string dataDirectory)
        {
            string dll = Path.Combine(Repository.Root, "src", "NoriKV.Cli", "bin", Configuration, "net10.0", "norikv.dll");
            string flags = "server --json --rpc-addr 127.0.0.1:0 --http-addr 127.0.0.1:0";
            Process process = Process.Start(
                new ProcessStartInfo("dotnet", $"\"{dll}\" {flags} --data-dir \"{dataDirectory}\"")
                {
                    RedirectStandardOutput = true,
                })!;
            while (await process.StandardOutput.ReadLineAsync() is { } line)
            {
                if (!line.StartsWith('{')) continue;
                using JsonDocument ready = JsonDocument.Parse(line);
                if (!ready.RootElement.TryGetProperty("rpc", out JsonElement rpc)) continue;
                return new Node(process, rpc.GetString()!, ready.RootElement.GetProperty("http").GetString()!);
            }

            throw new InvalidOperationException($"the server ended with {process.ExitCode} before it was ready");
        }

        public async ValueTask DisposeAsync()
        {
            _process.Kill();
            await _process.WaitForExitAsync();
            _process.Dispose();
        }
    }
}
