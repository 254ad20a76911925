namespace NoriKV.Node.Log;

/// <summary>What a replica may have lost by damage of the log. Values are part of the format.</summary>
public enum LogDamage : byte
{
    /// <summary>Nothing.</summary>
    None = 0,

    /// <summary>Entries that it once confirmed: it neither votes nor leads until it got them back from its peers.</summary>
    Entries = 1,

    /// <summary>Its newest term and vote: it could vote twice, and never comes back under its id.</summary>
    HardState = 2,
}
