using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using Nori.Core;
using NoriKV.Placement;
using NoriKV.Types;

namespace NoriKV.Tidy;

/// <summary>What the SDKs of all languages and their pages say must be the same.</summary>
public sealed partial class SdkTests
{
    // Where each language names its codes.
    [Theory]
    [InlineData("sdks/python/norikv/errors.py", @"^    ([A-Z_]+) = ""\1""$")]
    [InlineData("sdks/typescript/src/errors.ts", @"[|=] '([A-Z_]+)'")]
    [InlineData("sdks/go/errors.go", @"^\tCode\w+ +Code = ""([A-Z_]+)""$")]
    [InlineData("sdks/java/src/main/java/com/norikv/client/Code.java", "^    ([A-Z_]+)[,;]$")]
    [InlineData("docs/sdks/errors.md", @"^\| `([A-Z_]+)` \| [^|]*\| [^|]*\| ")]
    [InlineData("sdks/conformance/README.md", @"^(?:Codes: )?`([A-Z_]+)`(?: `([A-Z_]+)`)*")]
    public void Every_language_and_page_has_the_same_codes(string file, string pattern)
    {
        string[] codes = Regex.Matches(Repository.Read(file), pattern, RegexOptions.Multiline)
            .SelectMany(m => m.Groups.Values.Skip(1).SelectMany(g => g.Captures.Select(c => c.Value)))
            .Order(StringComparer.Ordinal)
            .ToArray();
        Assert.Equal(
            Enum.GetValues<KvCode>().Where(c => c != KvCode.Ok).Select(c => c.ToWire()).Order(StringComparer.Ordinal), codes);
    }

    /// <summary>A column each of docs/sdks/surface.md: its names are public ones of that language.</summary>
    [Theory]
    [InlineData(
        1,
        "src",
        "NoriKV.Client/PublicApi.txt NoriKV.Types/PutOptions.cs NoriKV.Types/ReadOptions.cs NoriKV.Types/ScanOptions.cs "
            + "NoriKV.Types/BatchOptions.cs",
        @"[ .]{0}(?:\W|$)")]
    [InlineData(
        2, "sdks/python/norikv", "aio.py client.py options.py types.py testing.py",
        @"(?:def|class) {0}\W|^    {0}: |\W{0}: |self\.{0} = ")]
    [InlineData(3, "sdks/typescript/src", "client.ts options.ts types.ts testing.ts", @"[ *]{0}[(?:]| {0} = |function {0}\(")]
    [InlineData(4, "sdks/go", "client.go options.go norikvtest/server.go", @"func (?:\(.*\) )?{0}\(|^\t{0} ")]
    [InlineData(
        5,
        "sdks/java/src/main/java/com/norikv/client",
        "NoriKVClient.java ClientBuilder.java PutOptions.java ScanOptions.java BatchOptions.java testing/EphemeralServer.java",
        @"public (?:static )?[^=;]* {0}\(")]
    public void The_names_of_the_page_on_the_surface_are_those_of_the_code(int column, string folder, string files, string pattern)
    {
        string code = string.Join('\n', files.Split(' ').Select(file => Repository.Read($"{folder}/{file}")));
        string[] names = [.. Repository.Read("docs/sdks/surface.md").Split('\n')
            .Where(line => line.StartsWith("| ", StringComparison.Ordinal))
            .SelectMany(line => Regex.Matches(line.Split(" | ")[column], "`([^`]+)`").Select(m => m.Groups[1].Value.Split('.')[^1]))
            .Distinct()];
        Assert.True(names.Length > 40, $"only {names.Length} names");
        Assert.All(names, name => Assert.True(
            Regex.IsMatch(code, pattern.Replace("{0}", name, StringComparison.Ordinal), RegexOptions.Multiline), $"{name} is not there"));
    }

    [Fact]
    public void The_numbers_of_the_page_on_hashing_are_those_of_the_code()
    {
        MatchCollection rows = HashRow().Matches(Repository.Read("docs/sdks/hashing.md"));
        Assert.True(rows.Count >= 4, "the table of examples is gone");
        Assert.All(rows, row =>
        {
            byte[] key = row.Groups["key"].Value == "(empty)" ? [] : Encoding.UTF8.GetBytes(row.Groups["key"].Value.Trim('`'));
            Assert.Equal(ulong.Parse(row.Groups["hash"].Value, CultureInfo.InvariantCulture), XxHash64.Hash(key));
            Assert.Equal(row.Groups["few"].Value, KeyHash.Shard(key, 16, false).Value.ToString(CultureInfo.InvariantCulture));
            string many = row.Groups["many"].Value.Replace(",", "", StringComparison.Ordinal);
            Assert.Equal(many, KeyHash.Shard(key, 1024, false).Value.ToString(CultureInfo.InvariantCulture));
        });
    }

    [Fact]
    public void Every_SDK_has_its_pages_an_example_and_a_place_in_the_list()
    {
        string list = Repository.Read("docs/sdks/README.md");
        string[] languages = [.. Repository.Files
            .Where(f => f.StartsWith("sdks/", StringComparison.Ordinal) && !f.StartsWith("sdks/conformance/", StringComparison.Ordinal))
            .Select(f => f.Split('/'))
            .Where(parts => parts.Length > 2)
            .Select(parts => parts[1])
            .Distinct()];
        Assert.NotEmpty(languages);
        Assert.All(languages, language =>
        {
            Assert.Contains($"sdks/{language}/README.md", Repository.Files);
            Assert.Contains($"sdks/{language}/CHANGELOG.md", Repository.Files);
            Assert.Contains($"docs/sdks/{language}.md", Repository.Files);
            Assert.Contains(Repository.Files, f => f.StartsWith($"sdks/{language}/examples/", StringComparison.Ordinal));
            Assert.Contains($"(sdks/{language})", list, StringComparison.Ordinal);
        });
    }

    [Fact]
    public void The_manifests_of_the_SDKs_have_one_version()
    {
        string[] versions =
        [
            Version("sdks/java/pom.xml", "^  <version>(.*)</version>"),
            Version("sdks/java/src/main/java/com/norikv/client/Channels.java", "VERSION = \"(.*)\""),
            Version("sdks/python/norikv/__init__.py", "__version__ = \"(.*)\""),
            Version("sdks/typescript/package.json", "^  \"version\": \"(.*)\""),
            Version("sdks/go/transport.go", "norikv-go/([0-9.]+)\""),
            .. Repository.Files.Where(f => f.StartsWith("sdks/", StringComparison.Ordinal)
                && f.EndsWith("CHANGELOG.md", StringComparison.Ordinal))
                .Select(f => Version(f, "^## ([0-9.]+)")),
        ];
        Assert.Single(versions.Distinct());
    }

    private static string Version(string file, string pattern)
    {
        Match match = Regex.Match(Repository.Read(file), pattern, RegexOptions.Multiline);
        Assert.True(match.Success, $"{file} names no version");
        return match.Groups[1].Value;
    }

    [GeneratedRegex(@"^\| (?<key>[^|]+) \| (?<hash>[0-9]+) \| (?<few>[0-9]+) \| (?<many>[0-9,]+) \|$", RegexOptions.Multiline)]
    private static partial Regex HashRow();
}
