namespace Nori.Observe.Otlp;

/// <summary>
/// What traces and metrics share.
/// <code>
/// ResourceSpans / ResourceMetrics { 1: Resource { 1: KeyValue… }, 2: ScopeSpans / ScopeMetrics { 1: Scope { 1: name }, 2: items } }
/// KeyValue { 1: key, 2: AnyValue { 1: string } }
/// </code>
/// </summary>
internal static class CommonEncoder
{
    private const string Scope = "Nori.Observe";

    /// <summary>Begins a request of one resource and one scope; items follow as field 2.</summary>
    public static (int Resource, int Scope) Begin(ProtoWriter writer, IReadOnlyList<Label> resource)
    {
        int outer = writer.Begin(1);
        int attributes = writer.Begin(1);
        foreach (Label label in resource) Attribute(writer, 1, label);
        writer.End(attributes);
        int inner = writer.Begin(2);
        int scope = writer.Begin(1);
        writer.Text(1, Scope);
        writer.End(scope);
        return (outer, inner);
    }

    public static void End(ProtoWriter writer, (int Resource, int Scope) begun)
    {
        writer.End(begun.Scope);
        writer.End(begun.Resource);
    }

    public static void Attribute(ProtoWriter writer, int field, in Label label)
    {
        int pair = writer.Begin(field);
        writer.Text(1, label.Name);
        int value = writer.Begin(2);
        writer.Text(1, label.Value);
        writer.End(value);
        writer.End(pair);
    }

    public static ulong Nanoseconds(DateTimeOffset time) => (ulong)(time - DateTimeOffset.UnixEpoch).Ticks * 100;
}
