using NoriKV.Node.Live;
using NoriKV.Types;

namespace NoriKV.Server.Live;

/// <summary>Looks at one node: asks it again and again, one question at a time, and keeps its last answer.</summary>
/// <remarks>Belongs to <see cref="LiveLoop"/>; an answer comes on any thread.</remarks>
internal sealed class NodeEye(NodeNumber number, ILiveNode node, TimeProvider time)
{
    /// <summary>A node that has not answered for so long is shown as silent.</summary>
    public static readonly TimeSpan SilentAfter = TimeSpan.FromSeconds(2);

    private static readonly TimeSpan AskLimit = TimeSpan.FromSeconds(1);

    private readonly Lock _lock = new(); // Guards all below.
    private NodePicture? _last;
    private Queue<NodePicture> _fresh = new();
    private long _heardAt;
    private ulong _eventsAfter;
    private bool _isAsking;

    public NodeNumber Number => number;

    /// <summary>Its last answer; null when there is none or it is too old to be shown as the present.</summary>
    public NodePicture? Last
    {
        get
        {
            lock (_lock) return _last is not null && time.GetElapsedTime(_heardAt) < SilentAfter ? _last : null;
        }
    }

    /// <summary>Answers that came since this was last asked for.</summary>
    public IReadOnlyCollection<NodePicture> TakeFresh()
    {
        lock (_lock)
        {
            Queue<NodePicture> fresh = _fresh;
            _fresh = new Queue<NodePicture>();
            return fresh;
        }
    }

    /// <summary>Asks, unless it is still being asked.</summary>
    public async Task AskAsync(IReadOnlyList<uint> shards, CancellationToken cancellationToken)
    {
        ulong after;
        lock (_lock)
        {
            if (_isAsking) return;
            _isAsking = true;
            after = _eventsAfter;
        }

        NodePicture? picture = null;
        try
        {
            byte[] question = new PictureQuestion(PictureKind.Now, after, shards).Encode();
            ReadOnlyMemory<byte>? answer =
                await node.AskAsync(number, question, AskLimit, cancellationToken).ConfigureAwait(false);
            picture = answer is { } bytes ? PictureBytes.TryDecode(bytes.Span) : null;
        }
        finally
        {
            lock (_lock)
            {
                _isAsking = false;
                if (picture is not null) KeepLocked(picture);
            }
        }
    }

    private void KeepLocked(NodePicture picture)
    {
        // Another process of the node: what it says begins anew, its events too, and these were asked for with the old number.
        bool isReborn = _last is not null && _last.BootEpoch != picture.BootEpoch;
        _eventsAfter = isReborn ? 0 : picture.EventsThrough;
        _last = picture;
        _heardAt = time.GetTimestamp();
        if (_fresh.Count == 16) _fresh.Dequeue();
        _fresh.Enqueue(isReborn ? picture with { Events = [] } : picture);
    }
}
