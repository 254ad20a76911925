using System.Globalization;
using System.Reflection;
using System.Runtime.CompilerServices;
using System.Text;
using System.Xml.Linq;

namespace NoriKV.Tidy.ApiReference;

/// <summary>The page of one package: each public type with its members, as the doc comments describe them.</summary>
internal sealed class ReferencePage
{
    private const BindingFlags Declared = BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Instance
        | BindingFlags.Static | BindingFlags.DeclaredOnly;

    private readonly DocComments _comments;
    private readonly Dictionary<Type, string> _headings = [];

    public ReferencePage(Assembly assembly, DocComments comments)
    {
        _comments = comments;
        Package = assembly.GetName().Name!;
        Types = [.. assembly.GetExportedTypes().OrderBy(static t => t.FullName, StringComparer.Ordinal)];
        foreach (IGrouping<string, Type> same in Types.GroupBy(static t => Signature.Name(t)))
        {
            // Two types of one name are told apart by their namespaces.
            foreach (Type type in same) _headings[type] = same.Count() == 1 ? same.Key : $"{type.Namespace}.{same.Key}";
        }

        foreach (Type type in Types) comments.Link(DocId.Of(type), $"{Package}.md#{Slug(_headings[type])}");
    }

    public string Package { get; }

    public IReadOnlyList<Type> Types { get; }

    /// <summary>Members without a word about them.</summary>
    public List<string> Silent { get; } = [];

    /// <summary>What a heading is called in an address, as GitHub makes it.</summary>
    public static string Slug(string heading)
    {
        IEnumerable<char> kept = heading.Trim().ToLowerInvariant()
            .Where(static c => char.IsLetterOrDigit(c) || c is ' ' or '-' or '_')
            .Select(static c => c == ' ' ? '-' : c);
        return string.Concat(kept);
    }

    public string Write()
    {
        var text = new StringBuilder();
        text.Append($"# {Package}\n\n[The package](../../src/{Package}) · [all packages](README.md)\n\n");
        foreach (IGrouping<string?, Type> space in Types.GroupBy(static t => t.Namespace))
        {
            text.Append($"**{space.Key}**\n\n| type | |\n|---|---|\n");
            foreach (Type type in space)
                text.Append($"| [`{_headings[type]}`](#{Slug(_headings[type])}) | {_comments.Text(Find(type), "summary")} |\n");
            text.Append('\n');
        }

        foreach (Type type in Types) WriteType(text, type);
        return text.ToString().TrimEnd('\n') + "\n";
    }

    private void WriteType(StringBuilder text, Type type)
    {
        XElement? comment = Find(type);
        text.Append($"## {Escaped(_headings[type])}\n\n```cs\n{Signature.OfType(type)}\n```\n\n");
        foreach (string part in (string[])["summary", "remarks"])
            if (_comments.Text(comment, part) is { Length: > 0 } said) text.Append(said).Append("\n\n");
        MemberInfo[] members = [.. Members(type)];
        foreach (MemberInfo member in members)
        {
            string shown = type.IsEnum ? $"{member.Name} = {((FieldInfo)member).GetRawConstantValue()}" : Signature.Of(member);
            text.Append($"- `{shown}`");
            string said = Said(member, type, comment);
            if (said.Length > 0) text.Append("  \n  ").Append(said);
            // What it is made of is told by its properties.
            else if (member is not ConstructorInfo) Silent.Add($"{type.FullName}: {shown}");
            text.Append('\n');
        }

        if (members.Length > 0) text.Append('\n');
    }

    private static IEnumerable<MemberInfo> Members(Type type)
    {
        IEnumerable<(MemberInfo Member, string Text)> shown =
            type.GetMembers(Declared).Where(IsShown).Select(static m => (m, Signature.Of(m)));
        IEnumerable<(MemberInfo Member, string Text)> sorted = type.IsEnum
            ? shown.OrderBy(static m => Convert.ToInt64(((FieldInfo)m.Member).GetRawConstantValue(), CultureInfo.InvariantCulture))
            : shown.OrderBy(static m => Rank(m.Member)).ThenBy(static m => m.Member.Name, StringComparer.Ordinal)
                .ThenBy(static m => m.Text, StringComparer.Ordinal);
        return sorted.Select(static m => m.Member);
    }

    private string Said(MemberInfo member, Type type, XElement? ofType)
    {
        XElement? comment = Find(member);
        if (member is ConstructorInfo && (Signature.IsRecord(type) || IsOfFirstLine(comment, ofType))) return string.Empty;
        if (comment?.Element("inheritdoc") is not null) comment = Inherited(member, type) ?? comment;
        // What a record takes in its first line is described there.
        if (comment is null && ofType?.Elements("param").FirstOrDefault(p => p.Attribute("name")?.Value == member.Name) is { } part)
            return _comments.Line(part);
        if (comment?.Element("summary") is null) return Known(member);

        List<string> all = [_comments.Text(comment, "summary")];
        if (comment.Element("value") is { } value && _comments.Line(value) is { Length: > 0 } word)
            all.Add(word.StartsWith("Default", StringComparison.Ordinal) ? word : $"Default: {word}");
        all.AddRange(comment.Elements("param").Select(p => Part($"`{p.Attribute("name")?.Value}`: ", p)));
        if (comment.Element("returns") is { } returns) all.Add(Part("Returns: ", returns));
        all.AddRange(comment.Elements("exception").Select(e => Part($"Throws {Thrown(e)}: ", e)));
        all.Add(_comments.Text(comment, "remarks"));
        return string.Join("  \n  ", all.Where(static s => s.Length > 0));
    }

    // The compiler gives a constructor of the type's first line the comment of the type.
    private bool IsOfFirstLine(XElement? comment, XElement? ofType) =>
        comment is not null && _comments.Text(comment, "summary") == _comments.Text(ofType, "summary")
        && comment.Element("param") is null;

    // What every program of .NET knows by its interface.
    private static string Known(MemberInfo member) => member.Name switch
    {
        "Dispose" or "DisposeAsync" => "Gives back what it holds; further calls do nothing.",
        "CompareTo" => "Their order is that of what they are made of.",
        "Equals" => "Equal when all parts are.",
        "GetEnumerator" => "All of it, in order.",
        _ => string.Empty,
    };

    private string Part(string lead, XElement element) =>
        _comments.Line(element) is { Length: > 0 } said ? lead + said : string.Empty;

    private string Thrown(XElement exception) =>
        _comments.Line(new XElement("x", new XElement("see", new XAttribute("cref", exception.Attribute("cref")?.Value ?? "?"))));

    private XElement? Inherited(MemberInfo member, Type type)
    {
        string own = DocId.Of(member), prefix = DocId.Of(type)[2..];
        IEnumerable<Type> from = type.GetInterfaces();
        for (Type? parent = type.BaseType; parent is not null; parent = parent.BaseType) from = from.Append(parent);
        return from
            .Select(t => Find(own.Replace(prefix + ".", DocId.Of(t)[2..] + ".", StringComparison.Ordinal)))
            .FirstOrDefault(static c => c is not null);
    }

    private XElement? Find(MemberInfo member) => Find(DocId.Of(member));

    private XElement? Find(string id) => _comments.Find(id);

    private static string Escaped(string heading) => heading.Replace("<", "&lt;", StringComparison.Ordinal);

    private static int Rank(MemberInfo member) => member switch
    {
        FieldInfo => 0,
        ConstructorInfo => 1,
        PropertyInfo => 2,
        EventInfo => 3,
        _ => 4,
    };

    private static bool IsShown(MemberInfo member)
    {
        if (member.IsDefined(typeof(CompilerGeneratedAttribute)) || member is Type) return false;
        return member switch
        {
            MethodInfo m => (m.IsPublic || m.IsFamily) && !m.Name.Contains('<', StringComparison.Ordinal)
                && (!m.IsSpecialName || m.Name.StartsWith("op_", StringComparison.Ordinal))
                && m.GetBaseDefinition().DeclaringType != typeof(object),
            ConstructorInfo c => c is { IsStatic: false, IsPublic: true } && !IsPlain(c),
            FieldInfo f => f is { IsPublic: true, IsSpecialName: false },
            PropertyInfo p => p.GetAccessors(nonPublic: true).Any(static a => a.IsPublic || a.IsFamily) && p.Name != "EqualityContract",
            EventInfo e => e.AddMethod is { IsPublic: true },
            _ => false,
        };
    }

    // A constructor without parameters says nothing, unless somebody wrote one.
    private static bool IsPlain(ConstructorInfo constructor) =>
        constructor.GetParameters().Length == 0 && !constructor.DeclaringType!.IsValueType
        && constructor.DeclaringType!.GetConstructors().Length == 1;
}
