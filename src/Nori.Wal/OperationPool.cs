namespace Nori.Wal;

/// <summary>Keeps finished operations for the next callers. Thread-safe.</summary>
internal sealed class OperationPool
{
    // As many callers as usually wait at once; more are allocated and collected.
    private const int KeptMax = 1024;

    private readonly Lock _gate = new();
    private readonly Stack<AppendOperation> _free = new();

    public AppendOperation Rent()
    {
        lock (_gate)
        {
            if (_free.TryPop(out AppendOperation? operation)) return operation;
        }

        return new AppendOperation(this);
    }

    public void Return(AppendOperation operation)
    {
        lock (_gate)
        {
            if (_free.Count < KeptMax) _free.Push(operation);
        }
    }
}
