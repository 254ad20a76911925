namespace Nori.Lsm;

/// <summary>One level.</summary>
/// <param name="Level">0 is the newest.</param>
/// <param name="Tables">Its tables.</param>
/// <param name="Bytes">Their bytes.</param>
/// <param name="TargetBytes">The size it is kept to; 0 for level 0 and unused levels.</param>
public readonly record struct LsmLevelStats(int Level, int Tables, long Bytes, long TargetBytes);
