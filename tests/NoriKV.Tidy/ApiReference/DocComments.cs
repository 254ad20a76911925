using System.Text;
using System.Text.RegularExpressions;
using System.Xml.Linq;

namespace NoriKV.Tidy.ApiReference;

/// <summary>The doc comments of all packages, as the compiler wrote them beside the assemblies.</summary>
internal sealed partial class DocComments
{
    private readonly Dictionary<string, XElement> _byId = new(StringComparer.Ordinal);
    private readonly Dictionary<string, string> _links = new(StringComparer.Ordinal);

    public DocComments(IEnumerable<string> files)
    {
        foreach (string file in files)
        {
            foreach (XElement member in XDocument.Load(file, LoadOptions.PreserveWhitespace).Descendants("member"))
                _byId[member.Attribute("name")!.Value] = member;
        }
    }

    /// <summary>Says on which page a type stands: <c>Nori.Wal.md#wal</c>.</summary>
    public void Link(string typeId, string target) => _links[typeId] = target;

    public XElement? Find(string id) => _byId.GetValueOrDefault(id);

    /// <summary>A part of a comment as a line of Markdown; empty where it has none.</summary>
    public string Text(XElement? member, string part) => member?.Element(part) is { } element ? Line(element) : string.Empty;

    /// <summary>Any element of a comment as a line of Markdown.</summary>
    public string Line(XElement element) => Space().Replace(Write(element), " ").Trim();

    private string Write(XElement element)
    {
        var text = new StringBuilder();
        foreach (XNode node in element.Nodes())
        {
            if (node is XText plain) text.Append(Escape(plain.Value));
            else if (node is XElement inner) text.Append(WriteElement(inner));
        }

        return text.ToString();
    }

    private string WriteElement(XElement element) => element.Name.LocalName switch
    {
        "see" or "seealso" when element.Attribute("langword") is { } word => $"`{word.Value}`",
        "see" or "seealso" when element.Attribute("href") is { } address => $"<{address.Value}>",
        "see" or "seealso" => Reference(element.Attribute("cref")?.Value ?? string.Empty),
        "paramref" or "typeparamref" => $"`{element.Attribute("name")?.Value}`",
        "c" => $"`{Space().Replace(element.Value, " ").Trim()}`",
        // A drawing loses its lines here; the page says where it can be seen.
        "code" => string.Empty,
        "value" => $" Default: {Write(element).Trim()}.".Replace("..", ".", StringComparison.Ordinal),
        "para" => " " + Write(element) + " ",
        "list" => " " + string.Join("; ", element.Elements("item").Select(Write)) + " ",
        _ => Write(element),
    };

    private string Reference(string cref)
    {
        string name = cref.Length > 2 ? cref[2..] : cref;
        int arguments = name.IndexOf('(', StringComparison.Ordinal);
        if (arguments >= 0) name = name[..arguments];
        string[] parts = name.Split('.');
        bool isType = cref.StartsWith("T:", StringComparison.Ordinal);
        string shown = isType || parts.Length < 2 ? Plain(parts[^1]) : $"{Plain(parts[^2])}.{Plain(parts[^1])}";
        string type = "T:" + (isType ? name : string.Join('.', parts[..^1]));
        return _links.TryGetValue(type, out string? target) ? $"[`{shown}`]({target})" : $"`{shown}`";
    }

    private static string Plain(string name)
    {
        int mark = name.IndexOf('`', StringComparison.Ordinal);
        return (mark < 0 ? name : name[..mark]).Replace("#ctor", "new", StringComparison.Ordinal);
    }

    private static string Escape(string text) => text
        .Replace("<", "&lt;", StringComparison.Ordinal).Replace("*", "\\*", StringComparison.Ordinal)
        .Replace("|", "\\|", StringComparison.Ordinal).Replace("[", "\\[", StringComparison.Ordinal);

    [GeneratedRegex(@"\s+")]
    private static partial Regex Space();
}
