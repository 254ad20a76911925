using NoriKV.Types;

namespace NoriKV.Node;

/// <summary>What reads say about themselves, made once.</summary>
internal sealed class ReadMetas(string node)
{
    private readonly KvMeta[] _metas = [.. Enum.GetValues<Consistency>()
        .Select(c => new KvMeta { Consistency = c, ServedBy = node, StalenessMs = 0 })];

    public KvMeta Of(Consistency consistency) => _metas[(int)consistency];
}
