using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;

namespace NoriKV.Server;

/// <summary>
/// Walks the file against the table of settings, so that a key nobody reads is an error and not a surprise.
/// </summary>
internal static class YamlSettings
{
    // Deeper than any setting; a file nested further is broken or hostile.
    private const int DepthMax = 8;

    public static IReadOnlyList<YamlEntry> Read(string yaml, string fileName, List<string> errors)
    {
        var entries = new List<YamlEntry>();
        var stream = new YamlStream();
        try
        {
            stream.Load(new StringReader(yaml));
        }
        catch (YamlException broken)
        {
            errors.Add($"{fileName}:{broken.Start.Line}: {broken.Message}");
            return entries;
        }

        if (stream.Documents.Count == 0) return entries;
        if (stream.Documents.Count > 1) errors.Add($"{fileName}: only one document is read");
        YamlNode root = stream.Documents[0].RootNode;
        if (root is YamlMappingNode mapping) Walk(mapping, "", 0);
        else if (root is not YamlScalarNode { Value: null or "" }) errors.Add($"{fileName}: expected keys and values");
        return entries;

        void Walk(YamlMappingNode node, string prefix, int depth)
        {
            foreach ((YamlNode keyNode, YamlNode value) in node.Children)
            {
                string path = prefix + ((keyNode as YamlScalarNode)?.Value ?? "?");
                string where = $"{fileName}:{keyNode.Start.Line}: ";
                Setting? setting = Settings.All.FirstOrDefault(s => s.Path == path);
                bool isSection = Settings.All.Any(s => s.Path.StartsWith(path + ".", StringComparison.Ordinal));
                if (setting is not null)
                {
                    if (Values(value, setting.IsList) is { } values)
                        entries.Add(new YamlEntry(setting, values, keyNode.Start.Line));
                    else
                        errors.Add($"{where}{path}: expected {(setting.IsList ? "a list of values" : "one value")}");
                }
                else if (!isSection)
                {
                    string hint = Nearest.Hint(path, Settings.All.Select(static s => s.Path));
                    errors.Add($"{where}unknown key '{path}'{hint}");
                }
                else if (value is YamlMappingNode inner && depth < DepthMax)
                {
                    Walk(inner, path + ".", depth + 1);
                }
                else if (value is not YamlScalarNode { Value: null or "" })
                {
                    errors.Add($"{where}{path}: expected keys below it, such as {Below(path)}");
                }
            }
        }
    }

    private static string[]? Values(YamlNode value, bool isList) => value switch
    {
        YamlScalarNode scalar when isList => (scalar.Value ?? "").Split(
            ',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries),
        YamlScalarNode { Value: { } text } => [text],
        YamlSequenceNode list when isList && list.Children.All(static c => c is YamlScalarNode { Value: not null }) =>
            [.. list.Children.Select(static c => ((YamlScalarNode)c).Value!)],
        YamlMappingNode map
            when isList && map.Children.All(static c => c is { Key: YamlScalarNode, Value: YamlScalarNode }) =>
            [.. map.Children.Select(static c => $"{((YamlScalarNode)c.Key).Value}={((YamlScalarNode)c.Value).Value}")],
        _ => null,
    };

    private static string Below(string path) =>
        Settings.All.First(s => s.Path.StartsWith(path + ".", StringComparison.Ordinal)).Path;
}
