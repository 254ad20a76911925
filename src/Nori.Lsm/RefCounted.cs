using Nori.Core;

namespace Nori.Lsm;

/// <summary>Lives as long as somebody holds it: the one who made it, and whoever acquired it since.</summary>
internal abstract class RefCounted
{
    private int _references = 1;

    public void Acquire()
    {
        int now = Interlocked.Increment(ref _references);
        Invariant.Assert(now > 1);
    }

    public void Release()
    {
        int now = Interlocked.Decrement(ref _references);
        Invariant.Assert(now >= 0);
        if (now == 0) OnUnreferenced();
    }

    protected abstract void OnUnreferenced();
}
