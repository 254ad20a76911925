using Nori.Core;

namespace NoriKV.Cli.Chaos.Load;

/// <summary>
/// The keys that callers share. One retires for a fresh one after so many calls, or writes of unknown outcome: judging a history
/// costs exponentially in the calls that are open at once.
/// </summary>
/// <remarks>Thread-safe.</remarks>
internal sealed class Registers
{
    private const int LiveKeys = 24;
    private const int CallsMax = 250;
    private const int UnknownMax = 4;

    private readonly string _prefix;

    // Guards what follows.
    private readonly Lock _gate = new();
    private readonly (string Key, int Calls, int Unknown)[] _live = new (string, int, int)[LiveKeys];
    private readonly List<string> _all = [];
    private readonly HashSet<string> _unknown = [];

    public Registers(string prefix)
    {
        _prefix = prefix;
        for (int i = 0; i < _live.Length; i++) _live[i] = (Fresh(), 0, 0);
    }

    /// <summary>All keys that were in use.</summary>
    public IReadOnlyList<string> All
    {
        get
        {
            lock (_gate) return [.. _all];
        }
    }

    /// <summary>Draws a key for a call.</summary>
    public string Draw(Prng random)
    {
        lock (_gate)
        {
            int i = random.NextInt(_live.Length);
            if (_live[i].Calls >= CallsMax) _live[i] = (Fresh(), 0, 0);
            _live[i].Calls++;
            return _live[i].Key;
        }
    }

    /// <summary>Nobody knows what became of a write to a key.</summary>
    public void NoteUnknown(string key)
    {
        lock (_gate)
        {
            _unknown.Add(key);
            int i = Array.FindIndex(_live, l => l.Key == key);
            if (i >= 0 && ++_live[i].Unknown >= UnknownMax) _live[i] = (Fresh(), 0, 0);
        }
    }

    /// <summary>Whether every write to it has a known outcome: then its value stays what it is.</summary>
    public bool IsCertain(string key)
    {
        lock (_gate) return !_unknown.Contains(key);
    }

    private string Fresh()
    {
        _all.Add($"{_prefix}{_all.Count}");
        return _all[^1];
    }
}
