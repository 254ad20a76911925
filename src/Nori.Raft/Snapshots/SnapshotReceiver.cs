using Nori.Raft.Core;

namespace Nori.Raft;

/// <summary>Takes a snapshot in chunks; goes on where it stopped when the same one is offered again.</summary>
internal sealed class SnapshotReceiver(RaftNodeOptions options, Action<SnapshotFrame, StagedSnapshot> arrived)
{
    private SnapshotFrame _offer;
    private ISnapshotStaging? _staging;
    private bool _isHandedOver;

    public void OnOffer(in SnapshotFrame offer)
    {
        // While one is being installed its file is not to be touched; the offer comes again.
        if (_isHandedOver) return;
        if (offer.Offset > options.SnapshotBytesMax)
        {
            Answer(offer, SnapshotAckState.Refused, 0);
            return;
        }

        if (_staging is not null && !_offer.IsAbout(offer))
        {
            // The one with more is the one to have, unless a newer leader has only the other.
            if (offer.Index < _offer.Index && offer.Term <= _offer.Term) return;
            _staging.Clear();
            _staging.Dispose();
            _staging = null;
        }

        _offer = offer;
        _staging ??= options.Snapshots.Stage(offer.Meta, SnapshotOrigin.Received, offer.Checksum);
        if (_staging.Length > offer.Offset) _staging.Clear();
        Continue();
    }

    public void OnChunk(in SnapshotFrame chunk)
    {
        if (_isHandedOver || _staging is null || !_offer.IsAbout(chunk)) return;
        if (chunk.Offset > _staging.Length)
        {
            Answer(_offer, SnapshotAckState.Gap, _staging.Length);
            return;
        }

        if (chunk.Offset == _staging.Length && chunk.Data.Length <= _offer.Offset - _staging.Length)
            _staging.Append(chunk.Data.Span);
        Continue();
    }

    /// <summary>What was handed over is installed or thrown away.</summary>
    public void Release() => _isHandedOver = false;

    public void Answer(in SnapshotFrame about, SnapshotAckState state, long offset)
    {
        SnapshotFrame ack = about with
        {
            Kind = FrameKind.SnapshotAck, From = options.Replica, To = about.From, Offset = offset, State = state,
        };
        options.Transport.TrySend(about.From, RaftChannel.Snapshots, Frames.Snapshot(ack));
    }

    public void Dispose() => _staging?.Dispose();

    private void Continue()
    {
        if (_staging!.Length < _offer.Offset)
        {
            Answer(_offer, SnapshotAckState.Continue, _staging.Length);
        }
        else if (_staging.ComputeChecksum() != _offer.Checksum)
        {
            _staging.Clear();
            Answer(_offer, SnapshotAckState.Gap, 0);
        }
        else
        {
            StagedSnapshot whole = new(_offer.Meta, _staging, _offer.Checksum);
            (_staging, _isHandedOver) = (null, true);
            arrived(_offer, whole);
        }
    }
}
