namespace Nori.Grpc.Server;

/// <summary>The health of a service. The numbers are part of the protocol.</summary>
public enum HealthStatus
{
    /// <summary>Not yet known.</summary>
    Unknown = 0,

    /// <summary>It takes calls.</summary>
    Serving = 1,

    /// <summary>It takes no calls at the moment.</summary>
    NotServing = 2,

    /// <summary>There is no such service; sent to watchers only.</summary>
    ServiceUnknown = 3,
}
