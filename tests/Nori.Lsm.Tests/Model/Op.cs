using System.Globalization;

namespace Nori.Lsm.Tests.Model;

internal enum OpKind
{
    Put,
    PutTtl,
    Delete,
    DeleteRange,
    Batch,
    TakeSnapshot,
    DropSnapshot,
    Flush,
    Compact,
    Step,
    Reopen,
    PowerLoss,
    Advance,
    Ingest,
    Check,
    LongScan,
    Checkpoint,
    Scrub,
}

/// <summary>
/// One operation of a generated history; Parts are the operations of a batch or the entries of an ingest.
/// </summary>
internal sealed record Op(OpKind Kind, string Key = "", string End = "", int Value = 0, IReadOnlyList<Op>? Parts = null)
{
    public override string ToString() => Kind switch
    {
        OpKind.Put or OpKind.PutTtl => $"{Kind}({Key}={Value})",
        OpKind.Delete => $"Delete({Key})",
        OpKind.DeleteRange or OpKind.Compact => $"{Kind}({Key}..{End})",
        OpKind.Batch or OpKind.Ingest => $"{Kind}[{string.Join(" ", Parts!)}]",
        _ => $"{Kind}({Value})",
    };

    /// <summary>The history as C# that can be put into a test of its own.</summary>
    public static string ToCode(IEnumerable<Op> ops) =>
        $"List<Op> ops =\n[\n{string.Concat(ops.Select(op => $"    {op.Code()},\n"))}];";

    private string Code()
    {
        var arguments = new List<string> { $"OpKind.{Kind}" };
        if (Key.Length > 0) arguments.Add($"Key: \"{Key}\"");
        if (End.Length > 0) arguments.Add($"End: \"{End}\"");
        if (Value != 0) arguments.Add($"Value: {Value.ToString(CultureInfo.InvariantCulture)}");
        if (Parts is not null) arguments.Add($"Parts: [{string.Join(", ", Parts.Select(part => part.Code()))}]");
        return $"new Op({string.Join(", ", arguments)})";
    }
}
