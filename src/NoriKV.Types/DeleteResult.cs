namespace NoriKV.Types;

/// <summary>A delete that was done.</summary>
/// <param name="Tombstoned">The key existed.</param>
/// <param name="Version">The version of the delete.</param>
/// <param name="Meta">What the answer says about itself.</param>
public readonly record struct DeleteResult(bool Tombstoned, KvVersion Version, KvMeta Meta);
