namespace Nori.Raft.Core.Tests.Harness;

internal interface ISimObserver
{
    void OnApplied(SimNode node, SimEntry entry, ulong state, bool isSnapshot);

    void OnReady(SimNode node, Ready ready);
}
