namespace NoriKV.Server;

/// <summary>How much a log line matters.</summary>
public enum LogLevel
{
    /// <summary>Every event, for those who look for something.</summary>
    Debug,

    /// <summary>The course of things.</summary>
    Info,

    /// <summary>Somebody should look.</summary>
    Warning,

    /// <summary>Something failed.</summary>
    Error,

    /// <summary>Nothing is as important: a component of this level is silent.</summary>
    Off,
}
