namespace Nori.IO;

/// <summary>
/// The calls that <see cref="FaultInjectingFileSystem"/> counts and fails; flags, so that a rule may name
/// several.
/// </summary>
[Flags]
public enum FileOperation
{
    /// <summary>No call.</summary>
    None = 0,

    /// <summary>Opening an existing file.</summary>
    Open = 1,

    /// <summary>Opening a file that is thereby created (CreateNew; OpenOrCreate when missing).</summary>
    Create = 2,

    /// <summary>Reading.</summary>
    Read = 4,

    /// <summary>Writing.</summary>
    Write = 8,

    /// <summary>Changing a file's length.</summary>
    SetLength = 16,

    /// <summary>Syncing a file.</summary>
    Sync = 32,

    /// <summary>Syncing a directory.</summary>
    SyncDirectory = 64,

    /// <summary>Renaming; the rule's pattern is tried on source and target.</summary>
    Rename = 128,

    /// <summary>Hard-linking; the rule's pattern is tried on source and target.</summary>
    HardLink = 256,

    /// <summary>Deleting a file.</summary>
    Delete = 512,

    /// <summary>Creating a directory.</summary>
    CreateDirectory = 1024,

    /// <summary>Deleting a directory.</summary>
    DeleteDirectory = 2048,

    /// <summary>Listing a directory.</summary>
    List = 4096,

    /// <summary>Every call that changes something or makes it durable.</summary>
    Mutations = Create | Write | SetLength | Sync | SyncDirectory | Rename | HardLink | Delete
        | CreateDirectory | DeleteDirectory,

    /// <summary>Every call.</summary>
    All = Open | Read | List | Mutations,
}
