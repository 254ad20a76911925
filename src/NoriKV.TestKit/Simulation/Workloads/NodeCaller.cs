using System.Text;
using NoriKV.Node;
using NoriKV.Types;

namespace NoriKV.TestKit.Simulation.Workloads;

/// <summary>Turns a client's operation into a call of a node, and its result into an answer.</summary>
internal static class NodeCaller
{
    private const int PagePairs = 64;

    /// <summary>Calls the node. Values carry a filling that is checked when they come back.</summary>
    public static async Task<ClientAnswer> CallAsync(INoriNode node, ClientOperation operation, RequestContext context)
    {
        byte[] key = Encoding.UTF8.GetBytes(operation.Keys.Count > 0 ? operation.Keys[0] : "");
        switch (operation.Call)
        {
            case ClientCall.Put:
                var put = new PutOptions
                {
                    Ttl = operation.Ttl,
                    IfMatch = operation.IfMatch,
                    IfNotExists = operation.IfNotExists,
                    IdempotencyKey = operation.IdempotencyKey,
                };
                KvResult<PutResult> written = await node
                    .PutAsync(key, Value.Encode(operation.Values[0]!), put, context).ConfigureAwait(false);
                return written.TryGet(out PutResult done, out KvError? refused)
                    ? One(operation, null, done.Version, done.Meta)
                    : new ClientAnswer { Error = refused };
            case ClientCall.Delete:
                var delete = new DeleteOptions { IfMatch = operation.IfMatch, IdempotencyKey = operation.IdempotencyKey };
                KvResult<DeleteResult> deleted = await node.DeleteAsync(key, delete, context).ConfigureAwait(false);
                return deleted.TryGet(out DeleteResult gone, out refused)
                    ? One(operation, null, gone.Version, gone.Meta)
                    : new ClientAnswer { Error = refused };
            case ClientCall.Get:
                KvResult<GetResult> read = await node.GetAsync(key, operation.Read, context).ConfigureAwait(false);
                return read.TryGet(out GetResult found, out refused)
                    ? One(operation, found.Found ? Value.Decode(found.Value.Span) : null, found.Version, found.Meta)
                    : new ClientAnswer { Error = refused };
            case ClientCall.Batch:
                return await BatchAsync(node, operation, context).ConfigureAwait(false);
            default:
                return await ScanAsync(node, operation, context).ConfigureAwait(false);
        }
    }

    private static ClientAnswer One(ClientOperation operation, string? value, KvVersion version, KvMeta meta) => new()
    {
        Items = [new ClientItem(operation.Keys[0], value, version, null)],
        IsReplay = meta.IdempotentReplay is not null,
        Served = meta.Consistency,
    };

    private static async Task<ClientAnswer> BatchAsync(INoriNode node, ClientOperation operation, RequestContext context)
    {
        var operations = new BatchOperation[operation.Keys.Count];
        for (int i = 0; i < operations.Length; i++)
        {
            byte[] key = Encoding.UTF8.GetBytes(operation.Keys[i]);
            operations[i] = operation.Values[i] is { } value
                ? BatchOperation.Put(key, Value.Encode(value))
                : BatchOperation.Delete(key);
        }

        var options = new BatchOptions { RequireAtomic = true, IdempotencyKey = operation.IdempotencyKey };
        KvResult<IReadOnlyList<BatchOperationResult>> result =
            await node.BatchAsync(operations, options, context).ConfigureAwait(false);
        if (!result.TryGet(out IReadOnlyList<BatchOperationResult>? results, out KvError? refused))
            return new ClientAnswer { Error = refused };
        return new ClientAnswer
        {
            // Without conditions a batch is done in all its parts or in none.
            Error = results[0].Error,
            Items = [.. results.Select((r, i) => new ClientItem(operation.Keys[i], null, r.Version, r.Error))],
            IsReplay = results[0].Meta?.IdempotentReplay is not null,
        };
    }

    private static async Task<ClientAnswer> ScanAsync(INoriNode node, ClientOperation operation, RequestContext context)
    {
        var items = new List<ClientItem>();
        var options = new ScanOptions { Read = operation.Read };
        do
        {
            KvResult<ScanPage> result = await node.ScanAsync(options, PagePairs, 1 << 20, context).ConfigureAwait(false);
            if (!result.TryGet(out ScanPage? page, out KvError? refused)) return new ClientAnswer { Error = refused };
            foreach (KvPair pair in page.Pairs)
            {
                items.Add(new ClientItem(
                    Encoding.UTF8.GetString(pair.Key.Span), Value.Decode(pair.Value.Span), pair.Version, null));
            }

            options = options with { PageToken = page.NextPageToken };
        }
        while (!options.PageToken.IsEmpty);
        return new ClientAnswer { Items = items };
    }
}
