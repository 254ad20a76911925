namespace NoriKV.Server;

/// <summary>The server cannot start, for a reason its operator can mend; the message says how.</summary>
public sealed class ServerStartException(string message, int exitCode, Exception? inner = null)
    : Exception(message, inner)
{
    /// <summary>What the process exits with: see <see cref="ExitCodes"/>.</summary>
    public int ExitCode { get; } = exitCode;
}
