using System.Globalization;
using Nori.Grpc;
using NoriKV.Node.Meta;
using NoriKV.Types;

namespace NoriKV.Transport.Grpc;

/// <summary>
/// How a node tells another one that it is no member any more (docs/formats/peer-hello.md): FAILED_PRECONDITION with the trailer
/// <c>norikv-dismissed</c>, the state in the registry and the revision that says so, both in decimal.
/// </summary>
internal static class DismissalTrailer
{
    private const string Key = "norikv-dismissed";

    public static GrpcException Refuse(NodeNumber node, Dismissal dismissal) => new(
        new GrpcStatus(GrpcStatusCode.FailedPrecondition, $"node {node} was {dismissal.Word} and is no member any more"),
        new Metadata { { Key, string.Create(CultureInfo.InvariantCulture, $"{(byte)dismissal.State} {dismissal.Revision}") } });

    /// <summary>What a refusal says; null where it is another one.</summary>
    public static Dismissal? Read(GrpcException refusal)
    {
        if (refusal.Code != GrpcStatusCode.FailedPrecondition || refusal.Trailers.GetValue(Key) is not { } value) return null;
        string[] parts = value.Split(' ');
        if (parts.Length != 2 || !byte.TryParse(parts[0], NumberStyles.None, CultureInfo.InvariantCulture, out byte state)) return null;
        if ((RegisteredState)state is not (RegisteredState.Decommissioned or RegisteredState.Replaced)) return null;
        return ulong.TryParse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture, out ulong revision)
            ? new Dismissal(revision, (RegisteredState)state)
            : null;
    }
}
