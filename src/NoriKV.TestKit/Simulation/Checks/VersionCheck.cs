using NoriKV.TestKit.Simulation.Workloads;
using NoriKV.Types;

namespace NoriKV.TestKit.Simulation.Checks;

/// <summary>
/// Judges versions and values: versions of a key never go back, one version is one value and the other way round (nothing is
/// done twice), an entry has a version of its own, nobody reads what nobody wrote, and a scan sees a batch whole.
/// </summary>
internal static class VersionCheck
{
    private readonly record struct Sight(string Key, string? Value, KvVersion Version, Call Call, bool IsWrite);

    public static void Run(SimWorld world, KeySpace keys, IReadOnlyList<Call> calls)
    {
        Sight[] sights = [.. calls.Where(c => c.Succeeded).SelectMany(Sights)];
        Dictionary<string, Call> writers = Writers(calls);
        foreach (Sight sight in sights.Where(s => !s.IsWrite && s.Value is not null))
        {
            if (!writers.TryGetValue(sight.Value!, out Call? writer) || !writer.Operation.Keys.Contains(sight.Key))
                world.Violate("no_invention", $"{sight.Key} read as {sight.Value}, which nobody wrote there: {sight.Call}");
            else if (writer.Called > sight.Call.Returned)
                world.Violate("no_invention", $"{sight.Call} saw what was written later: {writer}");
            else if (writer.WasNotDone)
                world.Violate("not_done", $"{sight.Call} saw {writer}, of which it was said that it was not done");
        }

        foreach (IGrouping<string, Sight> key in sights.GroupBy(s => s.Key)) CheckKey(world, [.. key]);
        CheckUnique(world, keys, calls);
        CheckBatches(world, calls);
    }

    private static IEnumerable<Sight> Sights(Call call)
    {
        for (int i = 0; i < call.Answer!.Items.Count; i++)
        {
            ClientItem item = call.Answer.Items[i];
            if (item.Error is not null || !item.Version.IsPresent) continue;
            bool isWrite = call.Operation.IsWrite;
            string? value = isWrite ? call.Operation.Values.ElementAtOrDefault(i) : item.Value;
            yield return new Sight(item.Key, value, item.Version, call, isWrite);
        }
    }

    private static Dictionary<string, Call> Writers(IReadOnlyList<Call> calls)
    {
        Dictionary<string, Call> writers = [];
        foreach (Call call in calls)
        {
            foreach (string? value in call.Operation.Values)
            {
                if (value is not null) writers.Add(value, call);
            }
        }

        return writers;
    }

    private static void CheckKey(SimWorld world, Sight[] sights)
    {
        Dictionary<KvVersion, Sight> byVersion = [];
        Dictionary<string, Sight> byValue = [];
        foreach (Sight sight in sights)
        {
            // Every call writes values of its own: one that has two versions was done twice.
            if (sight.Value is { } value && !byValue.TryAdd(value, sight) && byValue[value].Version != sight.Version)
            {
                world.Violate(
                    "exactly_once",
                    $"{sight.Key} = {value} was written twice: {sight.Call}, {byValue[value].Call}");
            }

            if (!byVersion.TryAdd(sight.Version, sight) && byVersion[sight.Version].Value != sight.Value)
            {
                world.Violate(
                    "one_version_one_value",
                    $"{sight.Key}@{sight.Version} is {sight.Value} for {sight.Call}, {byVersion[sight.Version].Call}");
            }
        }

        // What had returned before a call began is the least that the call may see.
        Sight[] byReturn = [.. sights.OrderBy(s => s.Call.Returned)];
        Sight? newest = null;
        int next = 0;
        foreach (Sight sight in sights.OrderBy(s => s.Call.Called))
        {
            for (; next < byReturn.Length && byReturn[next].Call.Returned < sight.Call.Called; next++)
            {
                if (newest is null || byReturn[next].Version.CompareTo(newest.Value.Version) > 0) newest = byReturn[next];
            }

            if (newest is not { } least || sight.Call.Operation.Read.Consistency >= Consistency.Bounded) continue;
            int order = sight.Version.CompareTo(least.Version);
            if (order < 0 || (order == 0 && sight.IsWrite))
                world.Violate("versions_never_back", $"{sight.Key}: {sight.Call} came behind {least.Call}");
        }
    }

    private static void CheckUnique(SimWorld world, KeySpace keys, IReadOnlyList<Call> calls)
    {
        Dictionary<(ShardId, KvVersion), Call> seen = [];
        foreach (Call call in calls.Where(c => c.Succeeded && c.Operation.IsWrite))
        {
            (ShardId, KvVersion) entry = (keys.ShardOf(call.Operation.Keys[0]), call.Version);
            if (!seen.TryAdd(entry, call))
                world.Violate("one_entry_one_call", $"{call} and {seen[entry]} have one version");
        }
    }

    /// <summary>Each shard's part of a scan has a moment of its own: a batch lies before it or behind it, whole.</summary>
    private static void CheckBatches(SimWorld world, IReadOnlyList<Call> calls)
    {
        Call[] batches = [.. calls.Where(c => c.Succeeded && c.Operation.Call == ClientCall.Batch)];
        foreach (Call scan in calls.Where(c => c.Succeeded && c.Operation.Call == ClientCall.Scan))
        {
            Dictionary<string, KvVersion> seen = scan.Answer!.Items.ToDictionary(i => i.Key, i => i.Version);
            foreach (Call batch in batches)
            {
                if (!batch.Operation.Keys.Any(k => seen.TryGetValue(k, out KvVersion v) && v == batch.Version)) continue;
                foreach (string key in batch.Operation.Keys)
                {
                    if (seen.TryGetValue(key, out KvVersion version) && version.CompareTo(batch.Version) < 0)
                        world.Violate("batch_is_atomic", $"{scan} saw a part of {batch}");
                }
            }
        }
    }
}
