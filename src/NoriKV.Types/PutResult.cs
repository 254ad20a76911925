namespace NoriKV.Types;

/// <summary>A put that was done.</summary>
/// <param name="Version">The version it wrote.</param>
/// <param name="Meta">What the answer says about itself.</param>
public readonly record struct PutResult(KvVersion Version, KvMeta Meta);
