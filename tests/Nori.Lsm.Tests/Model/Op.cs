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
}
