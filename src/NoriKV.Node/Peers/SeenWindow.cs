namespace NoriKV.Node.Peers;

/// <summary>
/// Which numbers came already: exact for the last 8,192, and everything older counts as seen. A frame may come twice, a call is
/// served once.
/// </summary>
internal sealed class SeenWindow
{
    private const int Size = 8192;

    private readonly ulong[] _bits = new ulong[Size / 64];
    private ulong _highest;

    /// <summary>Notes a number; false when it came before, or too long ago to know.</summary>
    public bool TryAdd(ulong number)
    {
        if (number > _highest)
        {
            Forget(number);
            _highest = number;
        }
        else if (_highest - number >= Size)
        {
            return false;
        }

        ref ulong word = ref _bits[number / 64 % (Size / 64)];
        ulong bit = 1UL << (int)(number % 64);
        if ((word & bit) != 0) return false;
        word |= bit;
        return true;
    }

    // The places between the highest so far and the new one are those of numbers that leave the window.
    private void Forget(ulong number)
    {
        if (number - _highest >= Size)
        {
            Array.Clear(_bits);
            return;
        }

        for (ulong n = _highest + 1; n <= number; n++) _bits[n / 64 % (Size / 64)] &= ~(1UL << (int)(n % 64));
    }
}
