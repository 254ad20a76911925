using System.Security.Cryptography;
using Nori.Core;

namespace NoriKV.Client.Sessions;

/// <summary>
/// Gives each write its idempotency key <c>s1:&lt;session&gt;:&lt;sequence&gt;:&lt;unix ms&gt;</c>. One slow write
/// would hold back a session once 4,096 newer ones were numbered; then another session is used, so writes do not wait.
/// </summary>
/// <remarks>Thread-safe. At most as many sessions as writes in flight need; a drained one is used again.</remarks>
internal sealed class SessionPool(TimeProvider time)
{
    private readonly Lock _gate = new(); // guards _sessions, their state and _current
    private readonly List<Session> _sessions = [];
    private Session? _current;

    public int Count
    {
        get
        {
            lock (_gate) return _sessions.Count;
        }
    }

    public SessionKey Acquire()
    {
        Session session;
        ulong sequence;
        lock (_gate)
        {
            session = CurrentLocked();
            bool taken = session.TryAcquire(out sequence);
            Invariant.Assert(taken);
        }

        long now = time.GetUtcNow().ToUnixTimeMilliseconds();
        return new SessionKey(session, sequence, string.Create(null, stackalloc char[96], $"s1:{session.Id}:{sequence}:{now}"));
    }

    /// <summary>The write's outcome is known, or nobody will ask for it again.</summary>
    public void Release(in SessionKey key)
    {
        lock (_gate) key.Session.Release(key.Sequence);
    }

    /// <summary>
    /// 128 random bits, never from a seed: two clients of one session would take each other's outcomes for their own, and
    /// lose writes that were acknowledged to them.
    /// </summary>
    private static string NewId() => RandomNumberGenerator.GetHexString(32, lowercase: true);

    private Session CurrentLocked()
    {
        if (_current is { HasRoom: true } current) return current;
        Session? found = _sessions.Find(static s => s.IsIdle) ?? _sessions.Find(static s => s.HasRoom);
        if (found is null)
        {
            found = new Session(NewId());
            _sessions.Add(found);
        }

        return _current = found;
    }
}
