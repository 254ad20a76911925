using Nori.Core;

namespace NoriKV.Node.Requests;

/// <summary>Compares byte strings by content.</summary>
internal sealed class BytesComparer : IEqualityComparer<ReadOnlyMemory<byte>>
{
    public static BytesComparer Instance { get; } = new();

    public bool Equals(ReadOnlyMemory<byte> x, ReadOnlyMemory<byte> y) => x.Span.SequenceEqual(y.Span);

    public int GetHashCode(ReadOnlyMemory<byte> bytes) => XxHash64.Hash(bytes.Span).GetHashCode();
}
