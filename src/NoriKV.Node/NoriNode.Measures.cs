using Nori.IO;
using Nori.Observe;
using NoriKV.Node.Replication;
using NoriKV.Types;

namespace NoriKV.Node;

/// <summary>What is measured of the machine that the node runs on: its disk, its clock, its certificate.</summary>
public sealed partial class NoriNode
{
    private void MeasureMachine()
    {
        IMeter meter = _options.Meter;
        meter.ObservableGauge(
            "build_info", "The node's version, and the id of its cluster; always 1.", static () => 1,
            new Label("cluster_id", $"{ClusterId}"), new Label("version", Version));
        meter.ObservableGauge(
            "node_disk_free_bytes", "Bytes that can still be written where the data directory lies.", () => Known(FreeBytes()));
        meter.ObservableGauge(
            "node_disk_capacity_bytes", "Bytes of the file system where the data directory lies.", () => Known(CapacityBytes()));
        meter.ObservableGauge(
            "node_clock_lead_seconds", "How far the wall clock is ahead of the median of the nodes; negative: behind.",
            () => IsNetworked && _host.Liveness.TryClockLead(ClockReading.Of(_time), out long lead) ? lead / 1000.0 : double.NaN);
        meter.ObservableGauge(
            "tls_certificate_expiry_timestamp_seconds", "When the certificate ends that this node shows others, since unix epoch.",
            () => _options.CertificateEnds?.Invoke() is { } end ? end.ToUnixTimeMilliseconds() / 1000.0 : double.NaN);
    }

    private void MeasureClockOf(NodeNumber peer) => _options.Meter.ObservableGauge(
        "node_clock_offset_seconds", "How far a node's wall clock is ahead of this one's, its frames' way left out; negative: behind.",
        () => _host.Liveness.ClockOffsetMs(peer) is { } offset ? offset / 1000.0 : double.NaN,
        new Label("peer_id", $"{peer.Value}"));

    // What is not known is not 0: a gauge that is no number is left out.
    private static double Known(long bytes) => bytes >= 0 ? bytes : double.NaN;

    private long CapacityBytes()
    {
        try
        {
            return _options.FileSystem.CapacityBytes(_options.DataDirectory);
        }
        catch (StorageException)
        {
            return -1;
        }
    }
}
