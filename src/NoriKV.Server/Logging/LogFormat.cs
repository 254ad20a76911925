namespace NoriKV.Server;

/// <summary>How a log line is written.</summary>
public enum LogFormat
{
    /// <summary><c>time LEVEL component: message key=value …</c>, for people and grep.</summary>
    Console,

    /// <summary>One JSON object a line.</summary>
    Json,
}
