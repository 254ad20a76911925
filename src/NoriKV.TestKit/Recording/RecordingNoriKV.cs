using System.Runtime.CompilerServices;
using NoriKV.Client;
using NoriKV.TestKit.Linearizability;
using NoriKV.Types;

namespace NoriKV.TestKit.Recording;

/// <summary>Passes calls on and records them.</summary>
internal sealed class RecordingNoriKV(INoriKV store, HistoryRecorder recorder) : INoriKV
{
    public async ValueTask<PutResult> PutAsync(
        ReadOnlyMemory<byte> key,
        ReadOnlyMemory<byte> value,
        PutOptions? options = null,
        CancellationToken cancellationToken = default)
    {
        (string name, string text) = (RecordedText.Of(key), RecordedText.Of(value));
        if (options?.Ttl is not null) recorder.NoteExpiring(name);
        Operation write = Write(name, text, options?.IfMatch, options?.IfNotExists ?? false);
        RecordedCall call = recorder.Begin(name, options?.IdempotencyKey);
        PutResult result;
        try
        {
            result = await store.PutAsync(key, value, options, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception e)
        {
            EndFailed(call, write, (e as NoriKVException)?.Code);
            throw;
        }

        recorder.NoteVersion(name, result.Version, text);
        recorder.End(call, write, isKnown: true);
        return result;
    }

    public async ValueTask<GetResult> GetAsync(
        ReadOnlyMemory<byte> key, ReadOptions? options = null, CancellationToken cancellationToken = default)
    {
        if (!IsFresh(options)) return await store.GetAsync(key, options, cancellationToken).ConfigureAwait(false);
        string name = RecordedText.Of(key);
        RecordedCall call = recorder.Begin(name, idempotencyKey: null);
        GetResult result;
        try
        {
            result = await store.GetAsync(key, options, cancellationToken).ConfigureAwait(false);
        }
        catch
        {
            // A read that told nobody anything constrains nothing.
            recorder.Drop(call);
            throw;
        }

        recorder.End(call, Read(name, result.Found, result.Version, result.Value), isKnown: true);
        return result;
    }

    public async ValueTask<DeleteResult> DeleteAsync(
        ReadOnlyMemory<byte> key, DeleteOptions? options = null, CancellationToken cancellationToken = default)
    {
        Operation delete = Delete(RecordedText.Of(key), options?.IfMatch);
        RecordedCall call = recorder.Begin(delete.Key, options?.IdempotencyKey);
        DeleteResult result;
        try
        {
            result = await store.DeleteAsync(key, options, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception e)
        {
            EndFailed(call, delete, (e as NoriKVException)?.Code);
            throw;
        }

        recorder.End(call, delete, isKnown: true);
        return result;
    }

    public async ValueTask<IReadOnlyList<BatchOperationResult>> BatchAsync(
        IReadOnlyList<BatchOperation> operations,
        BatchOptions? options = null,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(operations);
        foreach (BatchOperation o in operations)
            if (o.Ttl is not null) recorder.NoteExpiring(RecordedText.Of(o.Key));

        // One client for each: they touch different keys at the same time.
        RecordedCall[] calls =
            [.. operations.Select(o => recorder.Begin(RecordedText.Of(o.Key), options?.IdempotencyKey))];
        IReadOnlyList<BatchOperationResult> results;
        try
        {
            results = await store.BatchAsync(operations, options, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception e)
        {
            for (int i = 0; i < calls.Length; i++)
            {
                if (operations[i].Kind == BatchOperationKind.Get) recorder.Drop(calls[i]);
                else EndFailed(calls[i], WriteOf(operations[i]), (e as NoriKVException)?.Code);
            }

            throw;
        }

        for (int i = 0; i < calls.Length; i++) End(calls[i], operations[i], results[i]);
        return results;
    }

    public async IAsyncEnumerable<KvPair> ScanAsync(
        ScanOptions options, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(options);
        bool isRecorded = IsFresh(options.Read) && !options.KeysOnly;
        long began = recorder.Now();
        await foreach (KvPair pair in store.ScanAsync(options, cancellationToken).ConfigureAwait(false))
        {
            if (isRecorded) recorder.AddScanned(began, Read(RecordedText.Of(pair.Key), found: true, pair.Version, pair.Value));
            yield return pair;
        }
    }

    public async ValueTask<ScanPage> ScanPageAsync(ScanOptions options, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(options);
        long began = recorder.Now();
        ScanPage page = await store.ScanPageAsync(options, cancellationToken).ConfigureAwait(false);
        if (!IsFresh(options.Read) || options.KeysOnly) return page;
        foreach (KvPair pair in page.Pairs)
            recorder.AddScanned(began, Read(RecordedText.Of(pair.Key), found: true, pair.Version, pair.Value));
        return page;
    }

    public ValueTask<long> CountAsync(ScanOptions options, CancellationToken cancellationToken = default) =>
        store.CountAsync(options, cancellationToken);

    public ValueTask<ClusterView> GetClusterViewAsync(CancellationToken cancellationToken = default) =>
        store.GetClusterViewAsync(cancellationToken);

    public ValueTask<bool> IsServingAsync(CancellationToken cancellationToken = default) => store.IsServingAsync(cancellationToken);

    public IAsyncEnumerable<ClusterView> WatchClusterAsync(CancellationToken cancellationToken = default) =>
        store.WatchClusterAsync(cancellationToken);

    public ValueTask DisposeAsync() => store.DisposeAsync();

    private static bool IsFresh(ReadOptions? options) =>
        (options?.Consistency ?? Consistency.Linearizable) is Consistency.Linearizable or Consistency.Lease;

    private void End(RecordedCall call, BatchOperation operation, BatchOperationResult result)
    {
        string name = RecordedText.Of(operation.Key);
        if (operation.Kind == BatchOperationKind.Get)
        {
            if (result.Error is not null || !IsFresh(operation.Read)) recorder.Drop(call);
            else recorder.End(call, Read(name, result.Version.IsPresent, result.Version, result.Value), isKnown: true);
            return;
        }

        Operation write = WriteOf(operation);
        if (result.Error is { } error)
        {
            EndFailed(call, write, error.Code);
            return;
        }

        if (operation.Kind == BatchOperationKind.Put) recorder.NoteVersion(name, result.Version, write.Argument!);
        recorder.End(call, write, isKnown: true);
    }

    // What certainly was not done forbids nothing, but for a key that had to be missing: then it was there. Any other failure may
    // have come after the write was on its way.
    private void EndFailed(RecordedCall call, Operation write, KvCode? code)
    {
        switch (code)
        {
            case KvCode.AlreadyExists when write is { Kind: OperationKind.CompareAndSet, Expected: null }:
                recorder.End(call, write with { Succeeded = false }, isKnown: true);
                break;
            case KvCode.AlreadyExists or KvCode.VersionMismatch or KvCode.InvalidArgument or KvCode.FailedPrecondition
                or KvCode.PermissionDenied or KvCode.Unimplemented:
                recorder.Drop(call);
                break;
            default:
                recorder.End(call, write, isKnown: false);
                break;
        }
    }

    private Operation Read(string key, bool found, KvVersion version, ReadOnlyMemory<byte> value)
    {
        string? text = found ? RecordedText.Of(value) : null;
        if (text is not null) recorder.NoteVersion(key, version, text);
        return new Operation(0, 0, 0, key, OperationKind.Read, Result: text);
    }

    private Operation WriteOf(BatchOperation o) => o.Kind == BatchOperationKind.Delete
        ? Delete(RecordedText.Of(o.Key), o.IfMatch)
        : Write(RecordedText.Of(o.Key), RecordedText.Of(o.Value), o.IfMatch, o.IfNotExists);

    private Operation Write(string key, string value, KvVersion? ifMatch, bool ifNotExists)
    {
        if (ifNotExists) return new Operation(0, 0, 0, key, OperationKind.CompareAndSet, value);
        return ifMatch is { } version && recorder.ValueOf(key, version) is { } expected
            ? new Operation(0, 0, 0, key, OperationKind.CompareAndSet, value, expected)
            : new Operation(0, 0, 0, key, OperationKind.Write, value);
    }

    private Operation Delete(string key, KvVersion? ifMatch) =>
        ifMatch is { } version && recorder.ValueOf(key, version) is { } expected
            ? new Operation(0, 0, 0, key, OperationKind.CompareAndSet, null, expected)
            : new Operation(0, 0, 0, key, OperationKind.Delete);
}
