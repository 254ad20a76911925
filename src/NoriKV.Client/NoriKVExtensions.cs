using System.Runtime.CompilerServices;
using System.Text;
using NoriKV.Types;

namespace NoriKV.Client;

/// <summary>The same operations with text as UTF-8.</summary>
public static class NoriKVExtensions
{
    // Half of a surrogate pair would be replaced, and distinct keys become the same.
    private static readonly UTF8Encoding Strict = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <summary>Writes a pair of texts.</summary>
    public static ValueTask<PutResult> PutAsync(
        this INoriKV store,
        string key,
        string value,
        PutOptions? options = null,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(store);
        return store.PutAsync(Utf8(key), Utf8(value), options, cancellationToken);
    }

    /// <summary>Writes a pair only over the expected version.</summary>
    /// <param name="store">Where to.</param>
    /// <param name="key">The key.</param>
    /// <param name="value">Its value.</param>
    /// <param name="expected"><see cref="KvVersion.None"/> expects the key to be missing.</param>
    /// <param name="options">A TTL or idempotency key; its conditions are replaced.</param>
    /// <param name="cancellationToken">Gives it up.</param>
    /// <exception cref="VersionMismatchException">The key has another version.</exception>
    /// <exception cref="AlreadyExistsException">The key exists and was expected to be missing.</exception>
    public static ValueTask<PutResult> CompareAndSetAsync(
        this INoriKV store,
        ReadOnlyMemory<byte> key,
        ReadOnlyMemory<byte> value,
        KvVersion expected,
        PutOptions? options = null,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(store);
        return store.PutAsync(key, value, Expecting(expected, options), cancellationToken);
    }

    /// <summary>
    /// Writes a pair of texts only over the expected version; <see cref="KvVersion.None"/> expects the key to be missing.
    /// </summary>
    /// <exception cref="VersionMismatchException">The key has another version.</exception>
    /// <exception cref="AlreadyExistsException">The key exists and was expected to be missing.</exception>
    public static ValueTask<PutResult> CompareAndSetAsync(
        this INoriKV store,
        string key,
        string value,
        KvVersion expected,
        PutOptions? options = null,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(store);
        return store.PutAsync(Utf8(key), Utf8(value), Expecting(expected, options), cancellationToken);
    }

    /// <summary>Reads a key.</summary>
    public static ValueTask<GetResult> GetAsync(
        this INoriKV store,
        string key,
        ReadOptions? options = null,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(store);
        return store.GetAsync(Utf8(key), options, cancellationToken);
    }

    /// <summary>Reads a key as text; null when it is missing.</summary>
    public static async ValueTask<string?> GetStringAsync(
        this INoriKV store,
        string key,
        ReadOptions? options = null,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(store);
        GetResult result = await store.GetAsync(Utf8(key), options, cancellationToken).ConfigureAwait(false);
        return result.Found ? Encoding.UTF8.GetString(result.Value.Span) : null;
    }

    /// <summary>Reads a key that must exist.</summary>
    /// <exception cref="NotFoundException">It does not.</exception>
    public static async ValueTask<GetResult> GetRequiredAsync(
        this INoriKV store,
        ReadOnlyMemory<byte> key,
        ReadOptions? options = null,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(store);
        GetResult result = await store.GetAsync(key, options, cancellationToken).ConfigureAwait(false);
        return result.Found
            ? result
            : throw NoriKVException.From(new KvError(KvCode.NotFound, $"the key of {key.Length} bytes does not exist"));
    }

    /// <summary>Reads a key that must exist.</summary>
    /// <exception cref="NotFoundException">It does not.</exception>
    public static ValueTask<GetResult> GetRequiredAsync(
        this INoriKV store,
        string key,
        ReadOptions? options = null,
        CancellationToken cancellationToken = default) =>
        store.GetRequiredAsync(Utf8(key).AsMemory(), options, cancellationToken);

    /// <summary>Removes a key.</summary>
    public static ValueTask<DeleteResult> DeleteAsync(
        this INoriKV store,
        string key,
        DeleteOptions? options = null,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(store);
        return store.DeleteAsync(Utf8(key), options, cancellationToken);
    }

    /// <summary>The pairs whose keys begin with a text, in key order, as texts.</summary>
    public static async IAsyncEnumerable<(string Key, string Value)> ScanPrefixAsync(
        this INoriKV store, string prefix, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(store);
        var scan = new ScanOptions { Prefix = Utf8(prefix) };
        await foreach (KvPair pair in store.ScanAsync(scan, cancellationToken).ConfigureAwait(false))
        {
            yield return (Encoding.UTF8.GetString(pair.Key.Span), Encoding.UTF8.GetString(pair.Value.Span));
        }
    }

    private static PutOptions Expecting(KvVersion expected, PutOptions? options) => (options ?? new PutOptions()) with
    {
        IfMatch = expected.IsPresent ? expected : null,
        IfNotExists = !expected.IsPresent,
    };

    private static byte[] Utf8(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        try
        {
            return Strict.GetBytes(text);
        }
        catch (EncoderFallbackException e)
        {
            throw NoriKVException.From(new KvError(KvCode.InvalidArgument, "the text has half of a surrogate pair"), e);
        }
    }
}
