namespace Nori.Raft.Core;

/// <summary>What a snapshot covers.</summary>
/// <param name="Index">It holds the effect of every entry up to here.</param>
/// <param name="Term">The term of the entry at that place.</param>
/// <param name="Configuration">The configuration in effect there, with the place of its own entry.</param>
public sealed record SnapshotMeta(LogIndex Index, Term Term, ConfigurationEntry Configuration)
{
    /// <inheritdoc/>
    public override string ToString() =>
        $"snapshot {Index}@{Term} {Configuration.Configuration}@{Configuration.Index}";
}
