using System.Reflection;
using System.Text;

namespace NoriKV.Tidy.ApiReference;

/// <summary>
/// The ids under which the compiler writes doc comments to XML: <c>M:Nori.Wal.Wal.AppendAsync(System.ReadOnlyMemory{System.Byte})</c>.
/// </summary>
internal static class DocId
{
    public static string Of(MemberInfo member) => member switch
    {
        Type type => "T:" + NameOf(type),
        ConstructorInfo constructor => $"M:{NameOf(member.DeclaringType!)}.#ctor{ParametersOf(constructor.GetParameters())}",
        MethodInfo m => $"M:{NameOf(m.DeclaringType!)}.{MethodName(m)}{ParametersOf(m.GetParameters())}{Result(m)}",
        PropertyInfo p => $"P:{NameOf(p.DeclaringType!)}.{p.Name}{ParametersOf(p.GetIndexParameters())}",
        FieldInfo => $"F:{NameOf(member.DeclaringType!)}.{member.Name}",
        EventInfo => $"E:{NameOf(member.DeclaringType!)}.{member.Name}",
        _ => throw new ArgumentException($"{member.MemberType} has no id", nameof(member)),
    };

    private static string NameOf(Type type) =>
        (type.IsConstructedGenericType ? type.GetGenericTypeDefinition() : type).FullName!.Replace('+', '.');

    private static string MethodName(MethodInfo method) =>
        method.IsGenericMethod ? $"{method.Name}``{method.GetGenericArguments().Length}" : method.Name;

    // Two conversions differ by what they give alone.
    private static string Result(MethodInfo method) =>
        method.Name is "op_Implicit" or "op_Explicit" ? "~" + ArgumentOf(method.ReturnType) : string.Empty;

    private static string ParametersOf(ParameterInfo[] parameters) => parameters.Length == 0
        ? string.Empty
        : $"({string.Join(',', parameters.Select(p => ArgumentOf(p.ParameterType)))})";

    private static string ArgumentOf(Type type)
    {
        if (type.IsByRef) return ArgumentOf(type.GetElementType()!) + "@";
        if (type.IsPointer) return ArgumentOf(type.GetElementType()!) + "*";
        if (type.IsArray) return ArgumentOf(type.GetElementType()!) + "[]";
        if (type.IsGenericMethodParameter) return "``" + type.GenericParameterPosition;
        if (type.IsGenericTypeParameter) return "`" + type.GenericParameterPosition;
        return type.IsGenericType ? Constructed(type) : type.FullName!.Replace('+', '.');
    }

    private static string Constructed(Type type)
    {
        var text = new StringBuilder();
        string name = NameOf(type);
        Type[] arguments = type.GetGenericArguments();
        int used = 0;
        foreach (string part in name.Split('.'))
        {
            if (text.Length > 0) text.Append('.');
            int mark = part.IndexOf('`', StringComparison.Ordinal);
            text.Append(mark < 0 ? part : part[..mark]);
            if (mark < 0) continue;
            int count = int.Parse(part[(mark + 1)..], System.Globalization.CultureInfo.InvariantCulture);
            text.Append('{').AppendJoin(',', arguments.Skip(used).Take(count).Select(ArgumentOf)).Append('}');
            used += count;
        }

        return text.ToString();
    }
}
