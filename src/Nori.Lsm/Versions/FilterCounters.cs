using Nori.Observe;

namespace Nori.Lsm.Versions;

/// <summary>What came of asking tables' bloom filters.</summary>
internal sealed class FilterCounters(IMeter meter)
{
    private const string Name = "lsm_bloom_filter_lookups_total";
    private const string Help =
        "Lookups of a key in a table with a filter: useful, the filter kept a block from being read; found, the key was there; "
        + "false_positive, the filter was wrong.";

    private readonly Counter _useful = meter.Counter(Name, Help, new Label("result", "useful"));
    private readonly Counter _found = meter.Counter(Name, Help, new Label("result", "found"));
    private readonly Counter _false = meter.Counter(Name, Help, new Label("result", "false_positive"));

    public void Note(bool isFiltered, bool isFound) => (isFiltered ? _useful : isFound ? _found : _false).Add();
}
