using Nori.IO;
using NoriKV.Node.Directory;
using NoriKV.Node.Formation;
using NoriKV.Node.Peers;
using NoriKV.Transport.Grpc;

namespace NoriKV.Server;

/// <summary>
/// Finds out what cluster this node belongs to, before it starts: what the directory says; else it founds one with others or
/// joins one, as configured. Owns the timer of the founder.
/// </summary>
internal sealed class FormationLoop(
    ServerOptions options, string advertised, ServerParts parts, FormationService service, GrpcFormation transport,
    NodeFront front)
{
    private static readonly TimeSpan Step = TimeSpan.FromMilliseconds(20);
    private static readonly TimeSpan TellAgain = TimeSpan.FromSeconds(10);

    private FormationSettings Settings => new(options.TotalShards, options.HashTags, options.ReplicationFactor);

    /// <summary>The record to start with; null for a node alone.</summary>
    /// <exception cref="ServerStartException">The directory does not go with the configuration.</exception>
    public async Task<ClusterRecord?> RunAsync(CancellationToken cancellationToken)
    {
        IFileSystem files = parts.FileSystem;
        if (ClusterRecord.Load(files, options.DataDirectory) is { } known) return known;
        // Data without a record: a node that was alone when it was founded, and may have been joined since.
        if (DataDirectory.IsFounded(files, options.DataDirectory)) return null;
        if (options.BootstrapExpect is null or 1 && options.SeedNodes.Count == 0) return Alone(files);
        if (options.BootstrapExpect is null) return null;
        files.CreateDirectory(options.DataDirectory);
        using IDisposable directoryLock = files.LockDirectory(options.DataDirectory);
        return await FoundAsync(cancellationToken).ConfigureAwait(false);
    }

    private ClusterRecord? Alone(IFileSystem files)
    {
        if (!files.FileExists(Path.Combine(options.DataDirectory, "forming"))) return null;
        throw new ServerStartException(
            $"{options.DataDirectory} took part in forming a cluster: start it with the bootstrap_expect and seed_nodes it had, "
            + "or use an empty directory",
            ExitCodes.Usage);
    }

    private async Task<ClusterRecord?> FoundAsync(CancellationToken cancellationToken)
    {
        var founder = new Founder(
            new FormationOptions
            {
                NodeName = options.NodeId,
                Address = advertised,
                Zone = options.Zone ?? "",
                DataDirectory = options.DataDirectory,
                FileSystem = parts.FileSystem,
                Seeds = [.. options.SeedNodes.Select(static s => s.ToString())],
                Time = parts.Time,
                Expect = options.BootstrapExpect!.Value,
                ClusterName = options.ClusterName,
                Settings = Settings,
            },
            transport);
        front.Waits(() => founder.Waiting);
        service.Endpoint = founder;
        using var timer = new PeriodicTimer(Step, parts.Time);
        string told = "";
        long toldAt = 0;
        while (founder.Stage is not (FormationStage.Formed or FormationStage.ClusterFound))
        {
            founder.RunOnce();
            string words = founder.Waiting;
            if (words != told && (told.Length == 0 || parts.Time.GetElapsedTime(toldAt) >= TellAgain))
            {
                parts.Log.Info("cluster", words);
                (told, toldAt) = (words, parts.Time.GetTimestamp());
            }

            await timer.WaitForNextTickAsync(cancellationToken).ConfigureAwait(false);
        }

        parts.Log.Info("cluster", founder.Waiting);
        if (founder.Formed is { } formed) return formed;
        throw new ServerStartException(
            $"there is a cluster at {founder.FoundAt} already: remove bootstrap_expect to join it", ExitCodes.Usage);
    }
}
