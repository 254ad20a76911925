using Nori.IO;
using NoriKV.Node;
using NoriKV.Node.Formation;
using NoriKV.Types;

namespace NoriKV.Server;

/// <summary>
/// Keeps where the nodes of the cluster are in the file <c>cluster</c>, so that a node finds them at its next start. Off the
/// node's threads: only the newest list is written, one at a time.
/// </summary>
internal sealed class AddressKeeper(IFileSystem files, string directory, ServerLog log) : IAsyncDisposable
{
    // Guards what follows.
    private readonly Lock _gate = new();
    private ClusterRecord? _record;
    private IReadOnlyList<PlannedNode>? _wanted;
    private Task _saving = Task.CompletedTask;
    private bool _isOpen;

    /// <summary>What the directory has, or would have: from now on changes of it are written.</summary>
    /// <param name="record">Of a node that was alone so far: its own.</param>
    public void Open(ClusterRecord record)
    {
        lock (_gate)
        {
            (_record, _isOpen) = (record, true);
            if (_wanted is { } nodes) NoteLocked(nodes);
        }
    }

    /// <summary>The nodes there are.</summary>
    public void Note(IReadOnlyList<PlannedNode> nodes)
    {
        lock (_gate)
        {
            _wanted = nodes;
            if (_isOpen) NoteLocked(nodes);
        }
    }

    /// <summary>Waits for what is being written; nothing is written behind it.</summary>
    public async ValueTask DisposeAsync()
    {
        Task saving;
        lock (_gate)
        {
            _isOpen = false;
            saving = _saving;
        }

        await saving.ConfigureAwait(false);
    }

    private void NoteLocked(IReadOnlyList<PlannedNode> nodes)
    {
        if (!nodes.Any(n => n.Number == _record!.Self) || nodes.SequenceEqual(_record!.Nodes)) return;
        if (_saving.IsCompleted) _saving = Task.Run(Save);
    }

    private void Save()
    {
        while (true)
        {
            ClusterRecord next;
            lock (_gate)
            {
                // A known store stays known where the newer list does not have it.
                ClusterRecord known = _record!;
                IReadOnlyList<PlannedNode> nodes = [.. _wanted!.Select(n => n.StoreUuid != Guid.Empty
                    ? n
                    : n with { StoreUuid = known.Nodes.FirstOrDefault(k => k.Number == n.Number)?.StoreUuid ?? default })];
                if (nodes.SequenceEqual(known.Nodes)) return;
                _record = next = known with { Nodes = nodes };
            }

            try
            {
                next.Save(files, directory);
            }
            catch (IOException failure)
            {
                // It is a hint: without it the node finds the others a little later, through its seeds.
                log.Warning("cluster", "the addresses of the nodes are not kept", ("reason", failure.Message));
                return;
            }
        }
    }
}
