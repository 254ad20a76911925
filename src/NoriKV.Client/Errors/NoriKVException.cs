using NoriKV.Types;

namespace NoriKV.Client;

/// <summary>An operation that was not done, or whose outcome is unknown; <see cref="Error"/> says which.</summary>
public class NoriKVException : Exception
{
    /// <summary>Wraps an error.</summary>
    /// <param name="error">What went wrong.</param>
    /// <param name="inner">What caused it, where there is such a thing.</param>
    public NoriKVException(KvError error, Exception? inner = null)
        : base((error ?? throw new ArgumentNullException(nameof(error))).Message, inner) => Error = error;

    /// <summary>Code, message, and what to do about it.</summary>
    public KvError Error { get; }

    /// <summary>The kind.</summary>
    public KvCode Code => Error.Code;

    /// <summary>The kind as every SDK, log and metric writes it, such as <c>VERSION_MISMATCH</c>.</summary>
    public string CodeName => Code.ToWire();

    /// <summary>The exception that belongs to an error's code.</summary>
    public static NoriKVException From(KvError error, Exception? inner = null)
    {
        ArgumentNullException.ThrowIfNull(error);
        return error.Code switch
        {
            KvCode.VersionMismatch => new VersionMismatchException(error, inner),
            KvCode.AlreadyExists => new AlreadyExistsException(error, inner),
            KvCode.InvalidArgument => new InvalidArgumentException(error, inner),
            KvCode.NotLeader => new NotLeaderException(error, inner),
            KvCode.QuorumUnavailable or KvCode.Unavailable => new UnavailableException(error, inner),
            KvCode.Overloaded => new OverloadedException(error, inner),
            KvCode.CommitTimeout => new OutcomeUnknownException(error, inner),
            KvCode.DeadlineExceeded => new DeadlineExceededException(error, inner),
            KvCode.NotFound => new NotFoundException(error, inner),
            _ => new NoriKVException(error, inner),
        };
    }
}
