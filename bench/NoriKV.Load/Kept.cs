using System.Globalization;
using System.Text;
using NoriKV.Client;
using NoriKV.Types;

namespace NoriKV.Load;

/// <summary>Keys that are written once and must hold what was written for ever, spread over all shards.</summary>
internal sealed class Kept(NoriKVClient client, int keys)
{
    public Task WriteAsync() => ForEachAsync(async i => await client.PutAsync(Key(i), Value(i)));

    /// <summary>How many do not hold it.</summary>
    public async Task<int> CountLostAsync()
    {
        int lost = 0;
        await ForEachAsync(async i =>
        {
            GetResult found = await client.GetAsync(Key(i));
            if (!found.Found || !found.Value.Span.SequenceEqual(Value(i))) Interlocked.Increment(ref lost);
        });
        return lost;
    }

    private Task ForEachAsync(Func<int, Task> work) => Task.WhenAll(Enumerable.Range(0, 16).Select(async worker =>
    {
        for (int i = worker; i < keys; i += 16) await work(i);
    }));

    private static byte[] Key(int i) => Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture, $"kept-{i}"));

    private static byte[] Value(int i) =>
        Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture, $"what was written to {i} and stays"));
}
