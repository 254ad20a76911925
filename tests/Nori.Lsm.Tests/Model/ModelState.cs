namespace Nori.Lsm.Tests.Model;

/// <summary>What the engine should hold.</summary>
internal sealed class ModelState
{
    private readonly SortedDictionary<string, (string Value, long Expiry)> _entries;

    public ModelState() => _entries = new(StringComparer.Ordinal);

    private ModelState(ModelState other) => _entries = new(other._entries, StringComparer.Ordinal);

    public ModelState Clone() => new(this);

    public void Put(string key, string value, long expiry) => _entries[key] = (value, expiry);

    public void Delete(string key) => _entries.Remove(key);

    public void DeleteRange(string start, string end)
    {
        foreach (string key in _entries.Keys.ToList())
            if (string.CompareOrdinal(key, start) >= 0 && string.CompareOrdinal(key, end) < 0) _entries.Remove(key);
    }

    public List<(string Key, string Value)> Visible(long now) =>
        [.. _entries.Where(e => e.Value.Expiry == 0 || e.Value.Expiry > now).Select(e => (e.Key, e.Value.Value))];
}
