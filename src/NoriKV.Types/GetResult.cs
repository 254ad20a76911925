namespace NoriKV.Types;

/// <summary>A get that was done; a missing key is a result, not an error.</summary>
/// <param name="Value">The value; empty when missing. An empty value with a version is a value.</param>
/// <param name="Version">The version that wrote it; none when missing.</param>
/// <param name="Meta">What the answer says about itself.</param>
public readonly record struct GetResult(ReadOnlyMemory<byte> Value, KvVersion Version, KvMeta Meta)
{
    /// <summary>True when the key exists.</summary>
    public bool Found => Version.IsPresent;
}
