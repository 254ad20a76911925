namespace Nori.Swim.Sealing;

/// <summary>Which counters of one sender's session were seen: the highest, and a window behind it.</summary>
internal sealed class ReplayWindow
{
    /// <summary>Counters behind the highest that are still told apart; older ones are refused.</summary>
    public const int Size = 1024;

    private readonly ulong[] _seen = new ulong[Size / 64];
    private uint _highest;
    private bool _isUsed;

    /// <summary>When it was last used, for the choice of which to forget.</summary>
    public long UsedAt { get; set; }

    /// <summary>True once for each counter within the window.</summary>
    public bool TryAccept(uint counter)
    {
        if (!_isUsed || counter > _highest)
        {
            Slide(counter);
            return true;
        }

        if (_highest - counter >= Size) return false;
        ulong bit = 1UL << (int)(counter % 64);
        ref ulong word = ref _seen[counter / 64 % (Size / 64)];
        if ((word & bit) != 0) return false;
        word |= bit;
        return true;
    }

    private void Slide(uint counter)
    {
        uint step = _isUsed ? counter - _highest : Size;
        if (step >= Size)
        {
            Array.Clear(_seen);
        }
        else
        {
            for (uint c = _highest + 1; c != counter; c++) _seen[c / 64 % (Size / 64)] &= ~(1UL << (int)(c % 64));
        }

        (_isUsed, _highest) = (true, counter);
        _seen[counter / 64 % (Size / 64)] |= 1UL << (int)(counter % 64);
    }
}
