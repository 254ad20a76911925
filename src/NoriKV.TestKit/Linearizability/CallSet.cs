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

    public bool Contains(int call) => (_words[call / 64] & (1UL << call)) != 0;

    /// <summary>What tells two sets apart.</summary>
    public (int Full, ulong[] Behind) Copy() => (_full, _words[_full.._end]);
}
