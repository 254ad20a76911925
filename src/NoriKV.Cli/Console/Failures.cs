using System.Net.Sockets;
using NoriKV.Cli.Cluster;
using NoriKV.Client;
using NoriKV.Types;

namespace NoriKV.Cli.Console;

/// <summary>Turns whatever ended a command into words that help and an exit code.</summary>
internal static class Failures
{
    /// <summary>Reports the failure on standard error.</summary>
    public static int Report(Exception exception, CliHost host, bool json)
    {
        string norikv = host.Environment("NORI_LAUNCHER") ?? "norikv";
        (int exit, string code, string message, string? advice) = Describe(exception, norikv);
        if (json)
        {
            host.Error.WriteLine(JsonOutput.Line(w =>
            {
                w.WriteStartObject("error");
                w.WriteString("code", code);
                w.WriteString("message", message);
                if (advice is not null) w.WriteString("advice", advice);
                w.WriteEndObject();
            }));
            return exit;
        }

        host.Error.WriteLine($"norikv: {message}");
        if (advice is not null) host.Error.WriteLine(advice);
        return exit;
    }

    private static (int Exit, string Code, string Message, string? Advice) Describe(
        Exception exception, string norikv) => exception switch
    {
        UsageException e => (ExitCode.Usage, "Usage", e.Message, null),
        NoriKVException e => (ExitCode.Of(e.Code), e.Code.ToString(), e.Message, Advice(e, norikv)),
        OperationCanceledException => (ExitCode.Interrupted, "Interrupted", "interrupted", null),
        FileNotFoundException or DirectoryNotFoundException or UnauthorizedAccessException =>
            (ExitCode.Usage, "File", exception.Message, null),
        InvalidDataException => (ExitCode.No, "Data", exception.Message, null),
        IOException => (ExitCode.Internal, "Io", exception.Message, null),
        _ => (ExitCode.Internal, "Internal", $"internal error: {exception}", "This is a bug of NoriKV."),
    };

    private static string Doctor(string norikv) => $"`{norikv} doctor` says what is wrong and what to do.";

    private static string? Advice(NoriKVException exception, string norikv)
    {
        SocketError? socket = FindSocketError(exception);
        return exception.Code switch
        {
            KvCode.Unavailable when socket is SocketError.HostNotFound or SocketError.TryAgain or SocketError.NoData =>
                "The host name is unknown here. Give an address as --addr host:port or in NORIKV_ADDR.",
            KvCode.Unavailable when IsTls(exception) =>
                "Give the authority of the nodes' certificates as --tls-ca, and dial a name that is in them.",
            KvCode.QuorumUnavailable => Doctor(norikv),
            // A node answered: it is not one that has to be started.
            KvCode.Unavailable when socket is null && !exception.Message.StartsWith("no connection", StringComparison.Ordinal) =>
                Doctor(norikv),
            KvCode.Unavailable =>
                $"Start a node with `{norikv} dev`, or name a running one with --addr host:port or NORIKV_ADDR.",
            KvCode.PermissionDenied when exception.Message.StartsWith("Admin ", StringComparison.Ordinal) =>
                "Ask from a node's own machine, or with the cluster's secret (--peer-secret-file, NORIKV_CLUSTER_PEER_SECRET), or with a "
                + "client certificate (--tls-cert, --tls-key).",
            KvCode.DeadlineExceeded =>
                $"Give it more time (--timeout), or more nodes to ask (--addr host:port,…). {Doctor(norikv)}",
            KvCode.CommitTimeout when exception is WishUnknownException =>
                $"It may have been done: `{norikv} cluster nodes --all` shows nodes, `{norikv} cluster shards` what moves. "
                + "Asked again, what is done is not done twice.",
            KvCode.CommitTimeout =>
                "The write may or may not have been done. Repeat it with --idempotency-key to have it done once.",
            KvCode.VersionMismatch => $"Read the key again ({norikv} get --json KEY) and decide anew.",
            _ => null,
        };
    }

    private static bool IsTls(Exception exception) =>
        exception.Message.StartsWith("TLS with ", StringComparison.Ordinal);

    private static SocketError? FindSocketError(Exception? exception)
    {
        for (; exception is not null; exception = exception.InnerException)
        {
            if (exception is SocketException socket) return socket.SocketErrorCode;
        }

        return null;
    }
}
