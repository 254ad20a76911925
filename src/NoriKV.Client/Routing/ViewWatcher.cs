using System.Runtime.CompilerServices;
using NoriKV.Client.Operations;
using NoriKV.Client.Pipeline;
using NoriKV.Client.Retry;
using NoriKV.Client.Transport;
using NoriKV.Client.Wire;
using NoriKV.Types;

namespace NoriKV.Client.Routing;

/// <summary>Follows the cluster's view on whichever node answers, from node to node when one goes.</summary>
/// <remarks>Thread-safe.</remarks>
internal sealed class ViewWatcher(
    NodePool nodes, Router router, ClusterIdentity cluster, Backoff backoff, OperationRunner operations)
{
    /// <summary>
    /// Views as they come, none older than the one before and none of another cluster; ends only by cancellation or a refusal.
    /// </summary>
    /// <param name="refuses">Ends with an error where only nodes of another cluster are left; otherwise it goes on asking.</param>
    /// <param name="cancellationToken">Ends it.</param>
    public async IAsyncEnumerable<ClusterView> WatchAsync(
        bool refuses, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        ulong? last = null;
        for (int failures = 0; ; failures++)
        {
            string address = router.Pick(default, 1, null);
            if (refuses) router.ThrowIfForeign(address);
            NodeConnection node = nodes.Get(address);
            using var any = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, node.Gone);
            IAsyncEnumerator<Proto.V1.ClusterView> views =
                node.Transport.WatchAsync(any.Token).GetAsyncEnumerator(any.Token);
            await using (views.ConfigureAwait(false))
            {
                // A node says its view at once: until then it is waited for. When the next one comes is nobody's to know.
                bool more = await FirstAsync(views, node, refuses, cancellationToken).ConfigureAwait(false);
                for (; more; more = await MoveNextAsync(views, node, refuses, cancellationToken).ConfigureAwait(false))
                {
                    ClusterView view = Responses.View(views.Current);
                    if (!IsOurs(view, address)) break;
                    failures = 0;
                    router.Reached(address);
                    if (view.Epoch <= last) continue;
                    last = view.Epoch;
                    yield return view;
                }
            }

            await operations.DelayAsync(backoff.NextWait(failures, null), cancellationToken).ConfigureAwait(false);
        }
    }

    private bool IsOurs(ClusterView view, string address)
    {
        if (cluster.Accepts(view.ClusterId)) return true;
        router.Foreign(
            address,
            $"{ClusterIdentity.MismatchWord}: the node at {address} is of cluster {view.ClusterId}, this client talks to "
            + $"cluster {cluster.Id}; nothing is sent there. If that is meant, make a new client");
        return false;
    }

    private async ValueTask<bool> FirstAsync(
        IAsyncEnumerator<Proto.V1.ClusterView> views, NodeConnection node, bool refuses, CancellationToken cancellationToken)
    {
        node.BeginWait();
        try
        {
            return await MoveNextAsync(views, node, refuses, cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            node.EndWait();
        }
    }

    // False when the node is gone: another one goes on.
    private async ValueTask<bool> MoveNextAsync(
        IAsyncEnumerator<Proto.V1.ClusterView> views, NodeConnection node, bool refuses, CancellationToken cancellationToken)
    {
        try
        {
            return await views.MoveNextAsync().ConfigureAwait(false);
        }
        // A certificate that does not fit is told a caller; the client's own watch goes on, at a node whose does.
        catch (RpcException e) when (e.IsRetriable || (!refuses && e.Error.Code == KvCode.Unavailable))
        {
            if (!e.Reached) router.Unreachable(node.Address);
            return false;
        }
        catch (RpcException e)
        {
            throw NoriKVException.From(e.Error, e);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested && node.Gone.IsCancellationRequested)
        {
            return false;
        }
    }
}
