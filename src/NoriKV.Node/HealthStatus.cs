namespace NoriKV.Node;

/// <summary>A verdict on health.</summary>
public enum HealthStatus
{
    /// <summary>All is well.</summary>
    Healthy,

    /// <summary>It serves, but something needs attention.</summary>
    Degraded,

    /// <summary>It does not serve.</summary>
    Unhealthy,
}
