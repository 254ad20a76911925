namespace NoriKV.Node.Scanning;

/// <summary>Orders keys bytewise.</summary>
internal sealed class KeyOrder : IComparer<byte[]>
{
    private readonly bool _descending;

    private KeyOrder(bool descending) => _descending = descending;

    public static KeyOrder Ascending { get; } = new(false);

    public static KeyOrder Descending { get; } = new(true);

    public int Compare(byte[]? x, byte[]? y)
    {
        int order = x.AsSpan().SequenceCompareTo(y);
        return _descending ? -order : order;
    }
}
