using Nori.Core;
using NoriKV.TestKit.Simulation.Scheduling;

namespace NoriKV.TestKit.Simulation.Reports;

/// <summary>
/// Everything that happened, folded into one number (equal runs have equal numbers), and told in a bounded number of lines.
/// </summary>
internal sealed class Trace(EventQueue events, int linesMax)
{
    private readonly List<string> _begin = [];
    private readonly Queue<string> _end = new();
    private ulong _hash = 14695981039346656037UL;
    private long _left;

    /// <summary>The number.</summary>
    public ulong Hash => _hash;

    /// <summary>Told of every line, also of those that the story leaves out.</summary>
    public Action<string, string>? Told { get; set; }

    /// <summary>The story: the first lines and the last ones, with a line that says how many are left out.</summary>
    public IReadOnlyList<string> Story =>
        [.. _begin, .. _left > 0 ? [$"… {_left} lines left out …"] : Array.Empty<string>(), .. _end];

    /// <summary>Folds in what happened at a place, now.</summary>
    public void Note(int place, int kind, ulong detail)
    {
        Fold((ulong)events.Now);
        Fold(((ulong)(uint)place << 32) | (uint)kind);
        Fold(detail);
    }

    /// <summary>Folds in bytes.</summary>
    public void Note(int place, int kind, ReadOnlySpan<byte> bytes) => Note(place, kind, XxHash64.Hash(bytes));

    /// <summary>Tells a line, and folds it in.</summary>
    /// <param name="who">A node, a client, or the run.</param>
    /// <param name="what">What happened, in words.</param>
    public void Tell(string who, string what)
    {
        Fold((ulong)events.Now);
        Fold(XxHash64.Hash(System.Runtime.InteropServices.MemoryMarshal.AsBytes(what.AsSpan())));
        Told?.Invoke(who, what);
        string line = $"{Ticks.Text(events.Now),10} {who,-4} {what}";
        if (_begin.Count < linesMax / 2)
        {
            _begin.Add(line);
            return;
        }

        _end.Enqueue(line);
        if (_end.Count <= linesMax / 2) return;
        _end.Dequeue();
        _left++;
    }

    private void Fold(ulong value)
    {
        _hash = (_hash ^ value) * 0x9E3779B97F4A7C15UL;
        _hash ^= _hash >> 29;
    }
}
