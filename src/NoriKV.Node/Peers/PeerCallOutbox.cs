namespace NoriKV.Node.Peers;

/// <summary>Messages for one peer on one channel, gathered into frames until a step sends them.</summary>
/// <remarks>Owned by its line, under the line's lock.</remarks>
internal sealed class PeerCallOutbox(int frameBytesMax)
{
    private const int BytesMin = 1024;

    private List<PeerCallParcel> _closed = [];
    private byte[] _bytes = [];
    private List<ulong>? _requests;
    private int _length;
    private uint _count;
    private int _hint = BytesMin;

    public bool IsEmpty => _count == 0 && _closed.Count == 0;

    /// <summary>Adds a message.</summary>
    public void Add(in PeerCallMessage message, ReadOnlySpan<byte> head)
    {
        int body = head.Length + message.Body.Length;
        int bytes = PeerCallFrame.ReplyBytes + body;
        if (_count > 0 && _length + bytes > frameBytesMax) Close();
        Reserve(bytes);
        Span<byte> target = _bytes.AsSpan(_length);
        int at = PeerCallFrame.WriteHead(target, message, body);
        head.CopyTo(target[at..]);
        message.Body.Span.CopyTo(target[(at + head.Length)..]);
        _length += at + body;
        _count++;
        if (message.Kind == PeerCallKind.Request) (_requests ??= []).Add(message.Id);
    }

    /// <summary>What there is, in order; the caller seals and sends it.</summary>
    public List<PeerCallParcel> Take()
    {
        if (_count > 0) Close();
        List<PeerCallParcel> parcels = _closed;
        _closed = [];
        return parcels;
    }

    private void Close()
    {
        _closed.Add(new PeerCallParcel(_bytes, _length + PeerCallFrame.TrailerBytes, _count, _requests ?? []));
        // The next frame will be about as large.
        _hint = Math.Max(BytesMin, Math.Min(_length + (_length / 4), frameBytesMax));
        (_bytes, _length, _count, _requests) = ([], 0, 0, null);
    }

    private void Reserve(int more)
    {
        if (_count == 0)
        {
            _length = PeerCallFrame.HeaderBytes;
            _bytes = GC.AllocateUninitializedArray<byte>(
                Math.Max(_hint, PeerCallFrame.HeaderBytes + more + PeerCallFrame.TrailerBytes));
            return;
        }

        int least = _length + more + PeerCallFrame.TrailerBytes;
        if (_bytes.Length < least) Array.Resize(ref _bytes, Math.Max(least, _bytes.Length * 2));
    }
}
