namespace NoriKV.Transport.Http.Live;

/// <summary>What GET /live shows of the cluster (docs/formats/live.md).</summary>
public interface ILiveFeed
{
    /// <summary>Begins to watch.</summary>
    /// <param name="process">Whose numbers of events the watcher knows; null: none.</param>
    /// <param name="eventsAfter">The last event it has from there.</param>
    ILiveWatcher Watch(string? process, long eventsAfter);
}
