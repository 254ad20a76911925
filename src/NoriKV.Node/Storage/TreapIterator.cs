using NoriKV.Node.Ports;

namespace NoriKV.Node.Storage;

/// <summary>Walks a treap in one direction. Nothing to dispose: the tree is the garbage collector's.</summary>
internal sealed class TreapIterator(Treap? root, bool reverse) : IStorageIterator
{
    // The path to the next entry: those still to be visited, the next on top.
    private readonly Stack<Treap> _next = new();
    private Treap? _current;
    private bool _begun;

    public ReadOnlySpan<byte> Key => _current!.Key;

    public ReadOnlySpan<byte> Value => _current!.Item.Value;

    public long ExpiryUnixMs => _current!.Item.ExpiryUnixMs;

    public void Seek(ReadOnlySpan<byte> key)
    {
        _begun = true;
        _next.Clear();
        for (Treap? tree = root; tree is not null;)
        {
            int order = tree.Key.AsSpan().SequenceCompareTo(key);
            bool wanted = reverse ? order <= 0 : order >= 0;
            if (wanted) _next.Push(tree);
            tree = wanted == reverse ? tree.Right : tree.Left;
        }
    }

    public bool MoveNext()
    {
        if (!_begun)
        {
            _begun = true;
            Push(root);
        }

        if (!_next.TryPop(out _current)) return false;
        Push(reverse ? _current.Left : _current.Right);
        return true;
    }

    public void Dispose()
    {
    }

    private void Push(Treap? tree)
    {
        for (; tree is not null; tree = reverse ? tree.Right : tree.Left) _next.Push(tree);
    }
}
