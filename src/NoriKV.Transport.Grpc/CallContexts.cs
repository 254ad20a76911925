using Nori.Grpc.Server;
using NoriKV.Node;

namespace NoriKV.Transport.Grpc;

/// <summary>From a gRPC call to who asks and until when.</summary>
internal static class CallContexts
{
    public static string PrincipalOf(ServerCallContext call) => call.ClientCertificate?.Subject ?? "";

    /// <summary>
    /// The client's deadline, or the default where it gave none. The node keeps the deadline itself, and answers a
    /// little before it with what it knows of the outcome; only a client that is gone cancels.
    /// </summary>
    public static RequestContext Of(ServerCallContext call, GrpcTransportParts parts) =>
        new(
            DeadlineIn(call.TimeLeft ?? parts.Options.DefaultTimeout, parts.Time),
            PrincipalOf(call),
            call.HttpContext.RequestAborted);

    public static long DeadlineIn(TimeSpan left, TimeProvider time)
    {
        double ticks = left.TotalSeconds * time.TimestampFrequency;
        long now = time.GetTimestamp();
        return ticks >= long.MaxValue - now ? long.MaxValue : now + (long)ticks;
    }
}
