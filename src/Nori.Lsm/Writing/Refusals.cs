namespace Nori.Lsm.Writing;

/// <summary>
/// One failure, thrown to many writers: each gets an exception of its own with the first as its cause.
/// </summary>
internal static class Refusals
{
    public static Exception Again(Exception failure) => failure switch
    {
        LsmFailedException failed => new LsmFailedException(failed.InnerException ?? failed),
        LsmDiskFullException full => new LsmDiskFullException(full.Directory, full.BytesNeeded, full.InnerException),
        ObjectDisposedException => new ObjectDisposedException(nameof(LsmEngine)),
        _ => failure,
    };
}
