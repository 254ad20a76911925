namespace Nori.Raft;

/// <summary>What an entry of the log is. The numbers are part of formats on disk and on the wire.</summary>
public enum EntryType : byte
{
    /// <summary>A command of the application: it goes to the state machine.</summary>
    Normal = 0,

    /// <summary>Who takes part from here on (<see cref="ConfigurationCodec"/>); the state machine never sees it.</summary>
    Configuration = 1,

    /// <summary>The blank entry that begins a term (Raft §8); the state machine never sees it.</summary>
    NoOp = 2,
}
