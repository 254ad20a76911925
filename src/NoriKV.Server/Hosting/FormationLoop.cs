using Nori.Core;
using Nori.IO;
using NoriKV.Node.Directory;
using NoriKV.Node.Formation;
using NoriKV.Node.Meta;
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
    private static readonly TimeSpan JoinAgain = TimeSpan.FromMilliseconds(500);

    private string _told = "";
    private long _toldAt;

    private FormationSettings Settings => new(options.TotalShards, options.HashTags, options.ReplicationFactor);

    /// <summary>The record to start with; null for a node alone.</summary>
    /// <exception cref="ServerStartException">The directory does not go with the configuration, or the cluster refuses.</exception>
    public async Task<ClusterRecord?> RunAsync(CancellationToken cancellationToken)
    {
        IFileSystem files = parts.FileSystem;
        if (ClusterRecord.Load(files, options.DataDirectory) is { } known) return known;
        // Data without a record: a node that was alone when it was founded.
        if (DataDirectory.IsFounded(files, options.DataDirectory)) return null;
        if (options.BootstrapExpect is null or 1 && options.SeedNodes.Count == 0)
        {
            RefuseAccepted();
            return null;
        }

        files.CreateDirectory(options.DataDirectory);
        using IDisposable directoryLock = files.LockDirectory(options.DataDirectory);
        if (options.BootstrapExpect is { } expect && await FoundAsync(expect, cancellationToken).ConfigureAwait(false) is { } formed)
            return formed;
        RefuseAccepted();
        return await JoinAsync(cancellationToken).ConfigureAwait(false);
    }

    // It may be one of a cluster that the others know of: it goes on with forming that, or with nothing.
    private void RefuseAccepted()
    {
        if (Newcomer.AcceptedBy(parts.FileSystem, options.DataDirectory) is not { } accepted) return;
        throw new ServerStartException(
            $"{options.DataDirectory} took part in forming cluster {accepted.ClusterId} of {accepted.Proposer.Name}: start it with "
            + "the bootstrap_expect and seed_nodes it had, or use an empty directory",
            ExitCodes.Usage);
    }

    /// <summary>The cluster it founded; null where a seed has one already.</summary>
    private async Task<ClusterRecord?> FoundAsync(int expect, CancellationToken cancellationToken)
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
                Expect = expect,
                ClusterName = options.ClusterName,
                Settings = Settings,
            },
            transport);
        front.Waits(() => founder.Waiting);
        service.Endpoint = founder;
        using var timer = new PeriodicTimer(Step, parts.Time);
        while (founder.Stage is not (FormationStage.Formed or FormationStage.ClusterFound))
        {
            founder.RunOnce();
            Tell(founder.Waiting);
            await timer.WaitForNextTickAsync(cancellationToken).ConfigureAwait(false);
        }

        parts.Log.Info("cluster", founder.Waiting);
        return founder.Formed;
    }

    private async Task<ClusterRecord> JoinAsync(CancellationToken cancellationToken)
    {
        Guid store = Newcomer.StoreUuidOf(parts.FileSystem, options.DataDirectory, new Prng(
            BitConverter.ToUInt64(System.Security.Cryptography.RandomNumberGenerator.GetBytes(sizeof(ulong)))));
        var call = new JoinCall(
            new FormationMember(options.NodeId, store, advertised, options.Zone ?? ""), options.ClusterName, Settings,
            PeerProtocol.Min, PeerProtocol.Max);
        string[] seeds = [.. options.SeedNodes.Select(static s => s.ToString()).Where(s => s != advertised)];
        var failures = new Dictionary<string, string>();
        string words = seeds.Length > 0 ? "joining" : "joining: seed_nodes names this node alone";
        front.Waits(() => Volatile.Read(ref words));
        while (true)
        {
            foreach (string seed in seeds)
            {
                cancellationToken.ThrowIfCancellationRequested();
                (JoinReply? reply, string failure) = await transport.JoinAsync(seed, call)
                    .WaitAsync(cancellationToken).ConfigureAwait(false);
                if (reply is { Refusal: null }) return Joined(reply, store);
                if (reply is { MayRetry: false }) throw new ServerStartException($"{seed} refuses: {reply.Refusal}", ExitCodes.No);
                failures[seed] = reply?.Refusal ?? failure;
                Volatile.Write(ref words, "joining: " + string.Join(", ", failures.Select(static f => $"{f.Key} ({f.Value})")));
                Tell(words);
            }

            await Task.Delay(JoinAgain, parts.Time, cancellationToken).ConfigureAwait(false);
        }
    }

    private ClusterRecord Joined(JoinReply reply, Guid store)
    {
        ClusterRecord record = Newcomer.Keep(parts.FileSystem, options.DataDirectory, reply, store);
        parts.Log.Info("cluster", "joined", ("cluster", reply.ClusterId), ("number", reply.Number), ("nodes", reply.Nodes.Count));
        FormedSettings.Warn(record.Settings, options, parts.Log);
        return record;
    }

    private void Tell(string words)
    {
        if (words == _told || (_told.Length > 0 && parts.Time.GetElapsedTime(_toldAt) < TellAgain)) return;
        parts.Log.Info("cluster", words);
        (_told, _toldAt) = (words, parts.Time.GetTimestamp());
    }
}
