using System.Globalization;
using System.Reflection;
using System.Runtime.CompilerServices;

namespace NoriKV.Tidy.ApiReference;

/// <summary>Members as a reader of C# expects them: modifiers, types with their nullability, defaults.</summary>
internal static class Signature
{
    private static readonly Dictionary<Type, string> Keywords = new()
    {
        [typeof(void)] = "void", [typeof(object)] = "object", [typeof(string)] = "string", [typeof(bool)] = "bool",
        [typeof(byte)] = "byte", [typeof(sbyte)] = "sbyte", [typeof(short)] = "short", [typeof(ushort)] = "ushort",
        [typeof(int)] = "int", [typeof(uint)] = "uint", [typeof(long)] = "long", [typeof(ulong)] = "ulong",
        [typeof(float)] = "float", [typeof(double)] = "double", [typeof(decimal)] = "decimal", [typeof(char)] = "char",
        [typeof(nint)] = "nint", [typeof(nuint)] = "nuint",
    };

    private static readonly Dictionary<string, string> Operators = new(StringComparer.Ordinal)
    {
        ["op_Equality"] = "==", ["op_Inequality"] = "!=", ["op_LessThan"] = "<", ["op_GreaterThan"] = ">",
        ["op_LessThanOrEqual"] = "<=", ["op_GreaterThanOrEqual"] = ">=", ["op_Addition"] = "+", ["op_Subtraction"] = "-",
        ["op_Increment"] = "++", ["op_Decrement"] = "--",
    };

    /// <summary>A type's own line: <c>public sealed record LsmOptions</c>.</summary>
    public static string OfType(Type type)
    {
        if (typeof(Delegate).IsAssignableFrom(type))
        {
            MethodInfo invoke = type.GetMethod("Invoke")!;
            return $"public delegate {Result(invoke)} {Name(type)}({Parameters(invoke)})";
        }

        string[] bases = [.. Bases(type).Select(b => Name(b)).Distinct()];
        return $"public {Kind(type)} {Name(type)}{(bases.Length > 0 ? " : " + string.Join(", ", bases) : string.Empty)}";
    }

    public static string Of(MemberInfo member) => member switch
    {
        ConstructorInfo c => $"{Access(c)}{Simple(c.DeclaringType!)}({Parameters(c)})",
        MethodInfo m => OfMethod(m),
        PropertyInfo p => OfProperty(p),
        FieldInfo f => OfField(f),
        EventInfo e => $"public event {Name(e.EventHandlerType!)} {e.Name}",
        _ => member.Name,
    };

    /// <summary>A type's name with its parameters: <c>ReadOnlyMemory&lt;byte&gt;</c>.</summary>
    public static string Name(Type type) => Name(type, null);

    public static bool IsRecord(Type type) =>
        type.GetMethod("<Clone>$", BindingFlags.Public | BindingFlags.Instance) is not null
        || (type.IsValueType && type.GetMethod("PrintMembers", BindingFlags.NonPublic | BindingFlags.Instance) is not null);

    private static string OfMethod(MethodInfo m)
    {
        if (m.Name is "op_Implicit" or "op_Explicit")
            return $"public static {m.Name[3..].ToLowerInvariant()} operator {Name(m.ReturnType)}({Parameters(m)})";
        string name = Operators.TryGetValue(m.Name, out string? symbol) ? "operator " + symbol : m.Name;
        string generic = m.IsGenericMethod ? $"<{string.Join(", ", m.GetGenericArguments().Select(Name))}>" : string.Empty;
        return $"{Access(m)}{Modifiers(m)}{Result(m)} {name}{generic}({Parameters(m)})";
    }

    private static string OfProperty(PropertyInfo p)
    {
        MethodInfo shown = p.GetAccessors(nonPublic: true).First(static a => a.IsPublic || a.IsFamily);
        NullabilityInfo nullability = new NullabilityInfoContext().Create(p);
        ParameterInfo[] index = p.GetIndexParameters();
        string name = index.Length > 0 ? $"this[{string.Join(", ", index.Select(Parameter))}]" : p.Name;
        string required = p.IsDefined(typeof(RequiredMemberAttribute)) ? "required " : string.Empty;
        string get = p.GetMethod is { IsPublic: true } ? "get; " : string.Empty;
        string set = p.SetMethod is not { IsPublic: true } s ? string.Empty : IsInit(s) ? "init; " : "set; ";
        return $"{Access(shown)}{Modifiers(shown)}{required}{Name(p.PropertyType, nullability)} {name} {{ {get}{set}}}";
    }

    private static string OfField(FieldInfo f)
    {
        string text = f.IsLiteral ? "const " : (f.IsStatic ? "static " : string.Empty) + (f.IsInitOnly ? "readonly " : string.Empty);
        string value = f.IsLiteral ? " = " + Literal(f.GetRawConstantValue(), f.FieldType) : string.Empty;
        return $"public {text}{Name(f.FieldType, new NullabilityInfoContext().Create(f))} {f.Name}{value}";
    }

    private static bool IsInit(MethodInfo setter) =>
        setter.ReturnParameter.GetRequiredCustomModifiers().Contains(typeof(IsExternalInit));

    private static string Access(MethodBase method) =>
        method.DeclaringType!.IsInterface ? string.Empty : method.IsPublic ? "public " : "protected ";

    private static string Modifiers(MethodInfo m)
    {
        if (m.IsStatic) return m.IsAbstract ? "static abstract " : "static ";
        if (m.DeclaringType!.IsInterface) return string.Empty;
        if (m.IsAbstract) return "abstract ";
        bool isOverride = m.GetBaseDefinition().DeclaringType != m.DeclaringType;
        if (isOverride) return "override ";
        return m.IsVirtual && !m.IsFinal ? "virtual " : string.Empty;
    }

    private static string Result(MethodInfo m)
    {
        string by = m.ReturnType.IsByRef ? "ref " : string.Empty;
        return by + Name(m.ReturnType, new NullabilityInfoContext().Create(m.ReturnParameter));
    }

    private static string Parameters(MethodBase method)
    {
        bool extends = method.IsDefined(typeof(ExtensionAttribute));
        return (extends ? "this " : string.Empty) + string.Join(", ", method.GetParameters().Select(Parameter));
    }

    private static string Parameter(ParameterInfo p)
    {
        string by = p.IsDefined(typeof(ParamArrayAttribute)) ? "params "
            : !p.ParameterType.IsByRef ? string.Empty : p.IsOut ? "out " : p.IsIn ? "in " : "ref ";
        string preset = p.HasDefaultValue ? " = " + Literal(p.RawDefaultValue, p.ParameterType) : string.Empty;
        return $"{by}{Name(p.ParameterType, new NullabilityInfoContext().Create(p))} {p.Name}{preset}";
    }

    private static string Literal(object? value, Type type) => value switch
    {
        null => type.IsValueType && Nullable.GetUnderlyingType(type) is null ? "default" : "null",
        string s => $"\"{s}\"",
        bool b => b ? "true" : "false",
        _ when type.IsEnum => $"{type.Name}.{Enum.ToObject(type, value)}",
        IFormattable f => f.ToString(null, CultureInfo.InvariantCulture),
        _ => value.ToString()!,
    };

    private static string Name(Type type, NullabilityInfo? nullability)
    {
        if (type.IsByRef) return Name(type.GetElementType()!, nullability);
        if (Nullable.GetUnderlyingType(type) is { } underlying) return Name(underlying) + "?";
        string mark = nullability is { ReadState: NullabilityState.Nullable } && !type.IsValueType ? "?" : string.Empty;
        if (type.IsArray) return $"{Name(type.GetElementType()!, nullability?.ElementType)}[]{mark}";
        if (Keywords.TryGetValue(type, out string? keyword)) return keyword + mark;
        if (!type.IsGenericType) return Simple(type) + mark;
        Type[] arguments = type.GetGenericArguments();
        NullabilityInfo[] inner = nullability?.GenericTypeArguments ?? [];
        IEnumerable<string> names = arguments.Select((a, i) => Name(a, i < inner.Length ? inner[i] : null));
        return $"{Simple(type)}<{string.Join(", ", names)}>{mark}";
    }

    private static string Simple(Type type)
    {
        string name = type.Name;
        int mark = name.IndexOf('`', StringComparison.Ordinal);
        if (mark > 0) name = name[..mark];
        return type.IsNested && !type.IsGenericParameter ? $"{Simple(type.DeclaringType!)}.{name}" : name;
    }

    private static string Kind(Type type)
    {
        if (type.IsEnum) return "enum";
        if (type.IsInterface) return "interface";
        string record = IsRecord(type) ? "record " : string.Empty;
        if (type.IsValueType)
        {
            string only = type.IsDefined(typeof(IsReadOnlyAttribute)) ? "readonly " : string.Empty;
            return $"{only}{(type.IsByRefLike ? "ref " : string.Empty)}{record}struct";
        }

        string kind = record.Length > 0 ? "record" : "class";
        return type is { IsAbstract: true, IsSealed: true } ? "static class"
            : type.IsAbstract ? "abstract " + kind : type.IsSealed ? "sealed " + kind : kind;
    }

    private static IEnumerable<Type> Bases(Type type)
    {
        if (type.IsEnum) yield break;
        if (type.BaseType is { } parent && parent != typeof(object) && parent != typeof(ValueType)) yield return parent;
        IEnumerable<Type> inherited = type.BaseType?.GetInterfaces() ?? [];
        Type[] all = [.. type.GetInterfaces().Except(inherited)];
        foreach (Type each in all.OrderBy(static i => i.FullName ?? i.Name, StringComparer.Ordinal))
        {
            // What another interface of it brings along, and what every record has, tells nothing.
            bool brought = all.Any(other => other != each && other.GetInterfaces().Contains(each));
            bool ofRecord = IsRecord(type) && each.IsGenericType && each.GetGenericTypeDefinition() == typeof(IEquatable<>);
            if (!brought && !ofRecord && each.IsVisible) yield return each;
        }
    }
}
