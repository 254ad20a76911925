using NoriKV.Node.Entries;
using NoriKV.Types;

namespace NoriKV.Node.Meta;

/// <summary>A record to be written, if it still has the version that was read.</summary>
/// <param name="Key">Which.</param>
/// <param name="Value">What shall stand there.</param>
/// <param name="Expected">The version it must have; none: it must not exist.</param>
internal readonly record struct MetaChange(byte[] Key, byte[] Value, KvVersion Expected)
{
    public EntryOperation ToOperation() => new(
        OperationKind.Put, Key, Value, 0, Expected.IsPresent ? Expected : null, !Expected.IsPresent);
}
