namespace Nori.Storage.Bench.Engines;

/// <summary>The two sides.</summary>
internal enum EngineKind
{
    Ours,
    Peer,
}
