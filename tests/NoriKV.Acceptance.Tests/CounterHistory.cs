using System.Text;
using NoriKV.Client;
using NoriKV.Types;

namespace NoriKV.Acceptance;

/// <summary>
/// A counter that many workers raise by compare-and-set: no acknowledged increment is lost, none is done twice.
/// </summary>
internal sealed class CounterHistory(int number)
{
    private long _acknowledged;
    private long _perhaps;

    public byte[] Key { get; } = Encoding.UTF8.GetBytes($"counter:{number}");

    public async Task IncrementAsync(INoriKV store)
    {
        try
        {
            GetResult now = await store.GetAsync(Key);
            await store.PutAsync(Key, Encoding.ASCII.GetBytes($"{ValueOf(now) + 1}"), now.Found
                ? new PutOptions { IfMatch = now.Version }
                : new PutOptions { IfNotExists = true });
            Interlocked.Increment(ref _acknowledged);
        }
        catch (OutcomeUnknownException)
        {
            Interlocked.Increment(ref _perhaps);
        }
        catch (NoriKVException e) when (e.Code is KvCode.VersionMismatch or KvCode.AlreadyExists or KvCode.Unavailable
            or KvCode.DeadlineExceeded or KvCode.Overloaded)
        {
            // Not done.
        }
    }

    public async Task VerifyAsync(INoriKV store)
    {
        long value = ValueOf(await store.GetAsync(Key));
        Assert.InRange(value, _acknowledged, _acknowledged + _perhaps);
    }

    private static long ValueOf(GetResult got) => got.Found ? long.Parse(Encoding.ASCII.GetString(got.Value.Span)) : 0;
}
