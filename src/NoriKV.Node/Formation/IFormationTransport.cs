namespace NoriKV.Node.Formation;

/// <summary>
/// Asks nodes that are known by address only. An answer may come late, twice or never; one that comes was made behind the
/// question.
/// </summary>
public interface IFormationTransport
{
    /// <summary>Asks who is there.</summary>
    /// <param name="address">host:port.</param>
    /// <param name="request">Who asks.</param>
    /// <param name="answered">Told on any thread, also before this returns: the reply, or why there is none.</param>
    void Identify(string address, IdentifyRequest request, Action<IdentifyReply?, string> answered);

    /// <summary>Proposes a cluster.</summary>
    /// <param name="address">host:port.</param>
    /// <param name="proposal">The cluster.</param>
    /// <param name="answered">Told on any thread, also before this returns: the reply, or why there is none.</param>
    void Form(string address, FormationProposal proposal, Action<FormReply?, string> answered);
}
