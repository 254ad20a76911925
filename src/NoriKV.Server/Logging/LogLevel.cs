namespace NoriKV.Server;

/// <summary>How much a log line matters.</summary>
public enum LogLevel
{
    /// <summary>The course of things.</summary>
    Info,

    /// <summary>Somebody should look.</summary>
    Warning,

    /// <summary>Something failed.</summary>
    Error,
}
