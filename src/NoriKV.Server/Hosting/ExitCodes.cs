namespace NoriKV.Server;

/// <summary>What the process exits with. Part of the contract with scripts.</summary>
public static class ExitCodes
{
    /// <summary>Done.</summary>
    public const int Ok = 0;

    /// <summary>The answer is no.</summary>
    public const int No = 1;

    /// <summary>The command or the configuration is wrong.</summary>
    public const int Usage = 2;

    /// <summary>Something it needs cannot be had now: an address or the data directory is in use.</summary>
    public const int Unavailable = 3;

    /// <summary>A failure inside: damaged data, a failing disk, a bug.</summary>
    public const int Internal = 70;
}
