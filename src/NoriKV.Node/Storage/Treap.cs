using Nori.Core;

namespace NoriKV.Node.Storage;

/// <summary>
/// An immutable search tree, balanced by random priorities (a treap): a change copies one path, so every version stays what
/// it was. Null is the empty tree.
/// </summary>
internal sealed class Treap
{
    private readonly ulong _priority;

    private Treap(byte[] key, StoredItem item, ulong priority, Treap? left, Treap? right)
    {
        Key = key;
        Item = item;
        _priority = priority;
        Left = left;
        Right = right;
    }

    public byte[] Key { get; }

    public StoredItem Item { get; }

    public Treap? Left { get; }

    public Treap? Right { get; }

    public static Treap? Find(Treap? tree, ReadOnlySpan<byte> key)
    {
        while (tree is not null)
        {
            int order = key.SequenceCompareTo(tree.Key);
            if (order == 0) return tree;
            tree = order < 0 ? tree.Left : tree.Right;
        }

        return null;
    }

    public static Treap Put(Treap? tree, byte[] key, StoredItem item, Prng random)
    {
        (Treap? below, Treap? rest) = Split(tree, key);
        (_, Treap? above) = SplitAfter(rest, key);
        return Merge(Merge(below, new Treap(key, item, random.NextUInt64(), null, null)), above)!;
    }

    public static Treap? Delete(Treap? tree, byte[] key)
    {
        if (Find(tree, key) is null) return tree;
        (Treap? below, Treap? rest) = Split(tree, key);
        (_, Treap? above) = SplitAfter(rest, key);
        return Merge(below, above);
    }

    /// <summary>Without the keys in [start, end).</summary>
    public static Treap? DeleteRange(Treap? tree, byte[] start, byte[] end)
    {
        if (start.AsSpan().SequenceCompareTo(end) >= 0) return tree;
        (Treap? below, Treap? rest) = Split(tree, start);
        (_, Treap? above) = Split(rest, end);
        return Merge(below, above);
    }

    /// <summary>The keys below, and those at or above.</summary>
    private static (Treap? Below, Treap? Above) Split(Treap? tree, byte[] key)
    {
        if (tree is null) return (null, null);
        if (tree.Key.AsSpan().SequenceCompareTo(key) < 0)
        {
            (Treap? below, Treap? above) = Split(tree.Right, key);
            return (tree.With(tree.Left, below), above);
        }
        else
        {
            (Treap? below, Treap? above) = Split(tree.Left, key);
            return (below, tree.With(above, tree.Right));
        }
    }

    /// <summary>The key itself where it is the least, and the rest.</summary>
    private static (Treap? Key, Treap? Above) SplitAfter(Treap? tree, byte[] key) => Split(tree, [.. key, 0]);

    /// <summary>Joins two trees, all keys of the first below those of the second.</summary>
    private static Treap? Merge(Treap? below, Treap? above)
    {
        if (below is null) return above;
        if (above is null) return below;
        return below._priority >= above._priority
            ? below.With(below.Left, Merge(below.Right, above))
            : above.With(Merge(below, above.Left), above.Right);
    }

    private Treap With(Treap? left, Treap? right) => new(Key, Item, _priority, left, right);
}
