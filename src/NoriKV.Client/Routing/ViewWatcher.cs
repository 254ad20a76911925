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
internal sealed class ViewWatcher(NodePool nodes, Router router, Backoff backoff, OperationRunner operations)
{
    /// <summary>Views as they come, none older than the one before; ends only by cancellation or a refusal.</summary>
    public async IAsyncEnumerable<ClusterView> WatchAsync([EnumeratorCancellation] CancellationToken cancellationToken)
    {
        ClusterView? last = null;
        for (int failures = 0; ; failures++)
        {
            string address = router.Pick(default, 1, null);
            IAsyncEnumerator<Proto.V1.ClusterView> views =
                nodes.Get(address).Transport.WatchAsync(cancellationToken).GetAsyncEnumerator(cancellationToken);
            await using (views.ConfigureAwait(false))
            {
                while (await MoveNextAsync(views, address).ConfigureAwait(false))
                {
                    failures = 0;
                    router.Reached(address);
                    ClusterView view = Responses.View(views.Current);
                    // Another cluster id is another cluster at the same address: its epochs start again.
                    if (last is not null && view.ClusterId == last.ClusterId && view.Epoch <= last.Epoch) continue;
                    yield return last = view;
                }
            }

            await operations.DelayAsync(backoff.NextWait(failures, null), cancellationToken).ConfigureAwait(false);
        }
    }

    // False when the node is gone: another one goes on.
    private async ValueTask<bool> MoveNextAsync(IAsyncEnumerator<Proto.V1.ClusterView> views, string address)
    {
        try
        {
            return await views.MoveNextAsync().ConfigureAwait(false);
        }
        catch (RpcException e) when (e.IsRetriable)
        {
            if (!e.Reached) router.Unreachable(address);
            return false;
        }
        catch (RpcException e)
        {
            throw NoriKVException.From(e.Error, e);
        }
    }
}
