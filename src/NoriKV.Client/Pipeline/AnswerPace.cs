namespace NoriKV.Client.Pipeline;

/// <summary>
/// How long the calls of a stream take from being sent to being answered, over about as many answers as may be outstanding, and what
/// that says of the next one: by Little's law it takes so much longer, or less long, as there are more or fewer before it than may be
/// outstanding.
/// </summary>
/// <remarks>Thread-safe. The lock guards the mean's next value.</remarks>
internal sealed class AnswerPace(int outstandingMax)
{
    private readonly Lock _lock = new();
    private long _mean; // of timestamps; grows from nothing, so that the few answers of an idle stream say little

    /// <summary>So many answers came; their calls took so many timestamps together.</summary>
    public void Note(long took, int count)
    {
        if (count == 0) return;
        lock (_lock)
        {
            // Of more at once than it looks back to, as many.
            double share = Math.Min(1, (double)count / outstandingMax);
            Volatile.Write(ref _mean, _mean + (long)(share * ((took / count) - _mean)));
        }
    }

    /// <summary>How many timestamps a call is likely to take behind so many others.</summary>
    public long Expect(int ahead) => (long)(Volatile.Read(ref _mean) * ((double)ahead / outstandingMax));
}
