using Nori.Core;

namespace NoriKV.Client.Sessions;

/// <summary>
/// One session of numbered writes. The server keeps the outcomes of the newest 4,096 sequences, so the oldest unresolved
/// one must stay within that distance of the newest: <see cref="TryAcquire"/> says no before it would not.
/// </summary>
/// <remarks>Not thread-safe: <see cref="SessionPool"/> owns it.</remarks>
internal sealed class Session(string id)
{
    /// <summary>Outcomes that a server keeps of one session.</summary>
    public const int Window = 4096;

    private readonly ulong[] _unresolved = new ulong[Window / 64]; // one bit a sequence, at sequence % Window
    private ulong _oldest = 1; // every sequence below is resolved
    private ulong _next = 1;

    public string Id { get; } = id;

    public bool HasRoom => _next - _oldest < Window;

    public bool IsIdle => _next == _oldest;

    public bool TryAcquire(out ulong sequence)
    {
        sequence = _next;
        if (!HasRoom) return false;
        Slot(_next) |= Bit(_next);
        _next++;
        return true;
    }

    public void Release(ulong sequence)
    {
        Invariant.Assert(sequence >= _oldest && sequence < _next);
        Invariant.Assert((Slot(sequence) & Bit(sequence)) != 0);
        Slot(sequence) &= ~Bit(sequence);
        while (_oldest < _next && (Slot(_oldest) & Bit(_oldest)) == 0) _oldest++;
    }

    private ref ulong Slot(ulong sequence) => ref _unresolved[sequence % Window / 64];

    private static ulong Bit(ulong sequence) => 1UL << (int)(sequence % 64);
}
