namespace Nori.Raft;

/// <summary>The replica was stopped, or its storage or state machine failed; it takes nothing more.</summary>
public sealed class RaftStoppedException : Exception
{
    /// <summary>Stopped, because of the failure if there was one.</summary>
    public RaftStoppedException(Exception? failure)
        : base(failure is null ? "the replica was stopped" : $"the replica failed: {failure.Message}", failure)
    {
    }
}
