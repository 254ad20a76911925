namespace NoriKV.TestKit.Linearizability;

/// <summary>
/// The calls that are linearized so far. Nearly always all of a beginning and few behind it, so a copy of it is short
/// however long the history.
/// </summary>
internal sealed class CallSet(int count)
{
    private readonly ulong[] _words = new ulong[(count + 63) / 64];

    // All words below are full; all from _end on are empty.
    private int _full;
    private int _end;

    public void Add(int call)
    {
        int word = call / 64;
        _words[word] |= 1UL << call;
        _end = Math.Max(_end, word + 1);
        while (_full < _end && _words[_full] == ulong.MaxValue) _full++;
    }

    public void Remove(int call)
    {
        int word = call / 64;
        _words[word] &= ~(1UL << call);
        _full = Math.Min(_full, word);
        while (_end > _full && _words[_end - 1] == 0) _end--;
    }

    /// <summary>What tells two sets apart.</summary>
    public Copied Copy() => new(_full, _end == _full ? [] : _words[_full.._end]);

    /// <summary>A set as it was.</summary>
    public readonly struct Copied(int full, ulong[] behind) : IEquatable<Copied>
    {
        private readonly int _full = full;
        private readonly ulong[] _behind = behind;

        /// <summary>Words of memory that it takes.</summary>
        public int Size => _behind.Length;

        /// <summary>True when the other has all of its calls.</summary>
        public bool IsWithin(in Copied other)
        {
            for (int word = other._full; word < _full + _behind.Length; word++)
                if ((Word(word) & ~other.Word(word)) != 0) return false;
            return true;
        }

        public bool Equals(Copied other) => _full == other._full && _behind.AsSpan().SequenceEqual(other._behind);

        public override bool Equals(object? obj) => obj is Copied other && Equals(other);

        public override int GetHashCode()
        {
            HashCode hash = default;
            hash.Add(_full);
            foreach (ulong word in _behind) hash.Add(word);
            return hash.ToHashCode();
        }

        private ulong Word(int word) => word < _full ? ulong.MaxValue
            : word - _full < _behind.Length ? _behind[word - _full]
            : 0;
    }
}
