using System.Reflection;
using System.Text;

namespace NoriKV.Tidy;

/// <summary>
/// The public surface of each package as a text beside its project: a change of it is a change that review sees.
/// UPDATE_GOLDEN=1 rewrites the texts.
/// </summary>
public sealed class PublicApiTests
{
    private const BindingFlags Declared = BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Instance
        | BindingFlags.Static | BindingFlags.DeclaredOnly;

    public static TheoryData<string> Packages =>
        new(Repository.Packages.Select(p => p.Name).Where(n => n != "NoriKV.Cli"));

    [Theory]
    [MemberData(nameof(Packages))]
    public void The_public_surface_is_the_one_on_record(string package)
    {
        string file = Path.Combine(Repository.Root, "src", package, "PublicApi.txt");
        string actual = Describe(Assembly.LoadFrom(Path.Combine(AppContext.BaseDirectory, package + ".dll")));
        if (Environment.GetEnvironmentVariable("UPDATE_GOLDEN") == "1") File.WriteAllText(file, actual);
        string recorded = File.Exists(file) ? File.ReadAllText(file) : string.Empty;
        if (recorded != actual)
        {
            string[] was = recorded.Split('\n'), now = actual.Split('\n');
            Assert.Fail(
                $"The public surface of {package} changed. If that is meant, run the tests of NoriKV.Tidy with "
                + "UPDATE_GOLDEN=1 and commit PublicApi.txt.\n"
                + string.Join('\n', was.Except(now).Select(l => "- " + l).Concat(now.Except(was).Select(l => "+ " + l))));
        }
    }

    private static string Describe(Assembly assembly)
    {
        StringBuilder text = new();
        foreach (Type type in assembly.GetExportedTypes().OrderBy(t => t.FullName, StringComparer.Ordinal))
        {
            text.Append(Kind(type)).Append(' ').Append(type.FullName).Append('\n');
            IEnumerable<string> members = type
                .GetMembers(Declared)
                .Where(IsVisible)
                .Select(m => "  " + m)
                .Distinct()
                .Order(StringComparer.Ordinal);
            foreach (string member in members) text.Append(member).Append('\n');
        }

        return text.ToString();
    }

    private static string Kind(Type type) =>
        type.IsEnum ? "enum" : type.IsInterface ? "interface" : type.IsValueType ? "struct"
        : typeof(Delegate).IsAssignableFrom(type) ? "delegate" : "class";

    private static bool IsVisible(MemberInfo member) => member switch
    {
        MethodInfo m => (m.IsPublic || m.IsFamily) && !m.IsSpecialName && !m.Name.Contains('<', StringComparison.Ordinal),
        ConstructorInfo c => c.IsPublic || c.IsFamily,
        FieldInfo f => f.IsPublic || f.IsFamily,
        PropertyInfo p => p.GetAccessors(true).Any(a => a.IsPublic || a.IsFamily),
        EventInfo => true,
        _ => false,
    };
}
