using System.Diagnostics;
using System.Runtime.CompilerServices;
using Google.Protobuf;
using NoriKV.Client.Pipeline;
using NoriKV.Client.Retry;
using NoriKV.Client.Routing;
using NoriKV.Client.Tracing;
using NoriKV.Client.Transport;
using NoriKV.Client.Wire;
using NoriKV.Proto.V1;
using NoriKV.Types;

namespace NoriKV.Client.Operations;

/// <summary>
/// Streams the pages of a scan; after a failure it goes on, on this node or another, behind the last page that came.
/// The deadline counts from page to page, not over the whole scan.
/// </summary>
/// <remarks>Thread-safe.</remarks>
internal sealed class ScanRunner(
    NodePool nodes, Router router, Backoff backoff, OperationRunner operations, NoriKVClientOptions options)
{
    /// <summary>The pages, each once, in a span that ends with the last one or with the caller's interest.</summary>
    public IAsyncEnumerable<ScanResponse> PagesAsync(ScanOptions scan, TimeSpan limit, CancellationToken cancellationToken)
    {
        Activity? span = ClientSpans.BeginApart("scan");
        IAsyncEnumerable<ScanResponse> pages =
            PagesAsync(scan, limit, span, span ?? Activity.Current, cancellationToken);
        return span is null ? pages : TracedAsync(pages, span, cancellationToken);
    }

    private static async IAsyncEnumerable<ScanResponse> TracedAsync(
        IAsyncEnumerable<ScanResponse> pages, Activity span, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        IAsyncEnumerator<ScanResponse> all = pages.GetAsyncEnumerator(cancellationToken);
        using (span)
        await using (all.ConfigureAwait(false))
        {
            while (true)
            {
                try
                {
                    if (!await all.MoveNextAsync().ConfigureAwait(false)) yield break;
                }
                catch (Exception failure)
                {
                    ClientSpans.End(span, failure);
                    throw;
                }

                yield return all.Current;
            }
        }
    }

    private async IAsyncEnumerable<ScanResponse> PagesAsync(
        ScanOptions scan,
        TimeSpan limit,
        Activity? span,
        Activity? context,
        [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        ByteString token = ByteString.CopyFrom(scan.PageToken.Span);
        long received = 0;
        int failures = 0;
        long deadline = operations.DeadlineFromNow(limit);
        while (true)
        {
            string address = router.Pick(default, failures, null);
            router.ThrowIfForeign(address);
            NodeConnection node = nodes.Get(address);
            // A limit is the call's: what goes on behind a failure asks only for the rest.
            ScanOptions rest = scan.Limit > 0 && !scan.CountOnly ? scan with { Limit = scan.Limit - received } : scan;
            ScanRequest request = Requests.Scan(rest, token.Memory);
            using var giveUp = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            ClientSpans.Attempt(span, address, isHedge: false);
            IAsyncEnumerator<ScanResponse> pages =
                node.Transport.ScanAsync(request, ClientSpans.ContextOf(context), ClientSpans.StateOf(context), giveUp.Token)
                    .GetAsyncEnumerator(giveUp.Token);
            RpcException? failure = null;
            await using (pages.ConfigureAwait(false))
            {
                while (true)
                {
                    bool more;
                    try
                    {
                        more = await MoveNextAsync(node, pages, deadline, giveUp).ConfigureAwait(false);
                    }
                    catch (RpcException e)
                    {
                        failure = e;
                        break;
                    }

                    if (!more) yield break;
                    failures = 0;
                    backoff.Succeeded();
                    router.Reached(address);
                    token = pages.Current.NextPageToken;
                    received += pages.Current.Pairs.Count;
                    yield return pages.Current;
                    // A page without a token, or that fills the limit, is the last one; a failure behind it loses nothing.
                    if (token.IsEmpty || (scan.Limit > 0 && received >= scan.Limit)) yield break;
                    deadline = operations.DeadlineFromNow(limit);
                }
            }

            ClientSpans.Failed(span, address, failure.Error.Code);
            await RetryAsync(failure, address, failures++, deadline, cancellationToken).ConfigureAwait(false);
        }
    }

    private async Task RetryAsync(
        RpcException failure, string address, int failures, long deadline, CancellationToken cancellationToken)
    {
        KvError error = failure.Error;
        if (OperationRunner.IsForeign(error))
        {
            router.Foreign(address, error.Message);
            return;
        }

        if (!failure.Reached && error.Code == KvCode.Unavailable) router.Unreachable(address);
        bool again = failure.IsRetriable && failures + 1 < options.Retry.AttemptsMax;
        TimeSpan? wait = again ? operations.NextWait(failures, error, false, deadline) : null;
        if (wait is { } pause) await operations.DelayAsync(pause, cancellationToken).ConfigureAwait(false);
        if (wait is null || operations.IsPast(deadline))
        {
            throw NoriKVException.From(OperationRunner.OfRead(error), failure);
        }
    }

    private async Task<bool> MoveNextAsync(
        NodeConnection node, IAsyncEnumerator<ScanResponse> pages, long deadline, CancellationTokenSource giveUp)
    {
        ValueTask<bool> next = pages.MoveNextAsync();
        if (next.IsCompleted) return await next.ConfigureAwait(false);
        Task<bool> moving = next.AsTask();
        node.BeginWait();
        try
        {
            return await moving.WaitAsync(operations.Left(deadline), options.Time, node.Gone).ConfigureAwait(false);
        }
        catch (TimeoutException e)
        {
            await GiveUpAsync(moving, giveUp).ConfigureAwait(false);
            throw new RpcException(new KvError(KvCode.CommitTimeout, "no page of the scan came in time"), true, e);
        }
        catch (OperationCanceledException e)
        {
            bool isGone = node.Gone.IsCancellationRequested && !giveUp.IsCancellationRequested;
            await GiveUpAsync(moving, giveUp).ConfigureAwait(false);
            if (isGone) throw node.GoneFailure(e);
            throw;
        }
        finally
        {
            node.EndWait();
        }
    }

    // An enumerator may be disposed only when its last move is over.
    private static async Task GiveUpAsync(Task<bool> moving, CancellationTokenSource giveUp)
    {
        await giveUp.CancelAsync().ConfigureAwait(false);
        await ((Task)moving).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }
}
