using Nori.Raft.Core;

namespace Nori.Raft.Tests.Harness;

/// <summary>What must hold whatever happens.</summary>
internal sealed class SimChecker
{
    // What stands at a place, once a replica applied it; and the state behind it.
    private readonly Dictionary<LogIndex, (ulong Id, ulong Hash)> _applied = [];
    private readonly Dictionary<ulong, LogIndex> _places = [];
    private readonly HashSet<ulong> _refused = [];

    public LogIndex Acknowledged { get; private set; }

    public Dictionary<CommandStatus, int> Outcomes { get; } = [];

    public int Acks => Outcomes.GetValueOrDefault(CommandStatus.Applied);

    public void OnApplied(LogIndex index, ulong id, ulong hash)
    {
        if (_applied.TryGetValue(index, out (ulong Id, ulong Hash) known))
            Assert.True(known == (id, hash), $"entry {index} is {id} here and {known.Id} elsewhere, or the states differ");
        LogIndex place = _places.GetValueOrDefault(id, index);
        Assert.True(place == index, $"command {id} stands at {index} and at {place}");
        Assert.False(_refused.Contains(id), $"command {id} was answered as not executed, and is executed at {index}");
        _applied[index] = (id, hash);
        _places[id] = index;
    }

    public void OnRestored(LogIndex index, ulong hash)
    {
        if (index.Value > 0) Assert.True(_applied[index].Hash == hash, $"the snapshot at {index} holds another state");
    }

    public void OnOutcome(ulong id, CommandResult result)
    {
        Outcomes[result.Status] = Outcomes.GetValueOrDefault(result.Status) + 1;
        if (result.IsApplied)
        {
            LogIndex place = _places.GetValueOrDefault(id);
            Assert.True(place == result.Index, $"command {id} was acknowledged at {result.Index} and stands at {place}");
            Acknowledged = LogIndex.Max(Acknowledged, result.Index);
        }
        else if (result.IsSafeToRetry)
        {
            Assert.False(_places.ContainsKey(id), $"command {id} was answered as {result.Status}, and is executed");
            _refused.Add(id);
        }
    }

    public static void OnRead(LogIndex acknowledgedBefore, ReadResult<LogIndex> read) => Assert.True(
        read.Value >= acknowledgedBefore,
        $"a read saw up to {read.Value} although {acknowledgedBefore} was acknowledged before it began (lease: {read.IsUnderLease})");
}
