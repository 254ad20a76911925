using System.Runtime.CompilerServices;
using NoriKV.Types;

namespace NoriKV.Client.Operations;

/// <summary>Ends what is being read when the client is disposed, with the error that other operations end with then.</summary>
internal static class UntilDisposed
{
    /// <summary>The items, until the caller gives up or the client is disposed.</summary>
    public static async IAsyncEnumerable<T> ReadAsync<T>(
        Func<CancellationToken, IAsyncEnumerable<T>> items,
        CancellationToken disposed,
        [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        using var any = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, disposed);
        IAsyncEnumerator<T> all = items(any.Token).GetAsyncEnumerator(any.Token);
        await using (all.ConfigureAwait(false))
        {
            while (true)
            {
                try
                {
                    if (!await all.MoveNextAsync().ConfigureAwait(false)) yield break;
                }
                catch (OperationCanceledException e) when (disposed.IsCancellationRequested && !cancellationToken.IsCancellationRequested)
                {
                    throw NoriKVException.From(new KvError(KvCode.Cancelled, "the client was disposed"), e);
                }

                yield return all.Current;
            }
        }
    }
}
