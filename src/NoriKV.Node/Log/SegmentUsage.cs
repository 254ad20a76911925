namespace NoriKV.Node.Log;

/// <summary>How many live entries each segment still holds.</summary>
internal sealed class SegmentUsage
{
    private readonly Dictionary<uint, (long Entries, long Bytes)> _segments = [];

    public long Entries { get; private set; }

    public long Bytes { get; private set; }

    public (long Entries, long Bytes) Of(ulong segment) => _segments.GetValueOrDefault((uint)segment);

    public void Add(EntryRef entry) => Change(entry, 1);

    public void Remove(EntryRef entry)
    {
        if (!entry.IsHole) Change(entry, -1);
    }

    public void Forget(ulong segment) => _segments.Remove((uint)segment);

    private void Change(EntryRef entry, int sign)
    {
        ref (long Entries, long Bytes) use = ref System.Runtime.InteropServices.CollectionsMarshal.GetValueRefOrAddDefault(
            _segments, entry.Segment, out _);
        use = (use.Entries + sign, use.Bytes + ((long)sign * entry.StoredBytes));
        Entries += sign;
        Bytes += (long)sign * entry.StoredBytes;
        Nori.Core.Invariant.Assert(use.Entries >= 0);
    }
}
