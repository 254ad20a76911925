namespace Nori.Lsm;

/// <summary>What an engine does when it meets a damaged or missing table.</summary>
public enum LsmDamageAction
{
    /// <summary>Opening fails, and a compaction that meets damage stops the engine: its user has one copy.</summary>
    Throw,

    /// <summary>
    /// The table stays and is set apart: no compaction touches it, reads that need what is damaged fail, everything else goes
    /// on, and the owner is told, who may have another copy (<see cref="LsmEngine.DropDamage"/>).
    /// </summary>
    SetApart,
}
