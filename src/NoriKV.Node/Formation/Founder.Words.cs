using NoriKV.Node.Peers;

namespace NoriKV.Node.Formation;

/// <summary>Who is there, what stands in the way, and how that is said.</summary>
public sealed partial class Founder
{
    /// <summary>The others that are there and have no cluster; one for each store.</summary>
    private List<IdentifyRequest> CandidatesLocked(long now)
    {
        var found = new List<IdentifyRequest>();
        foreach (AskedNode asked in _asked)
        {
            if (asked.Reply is not { } reply || Since(asked.RepliedAt, now) > _options.FreshFor) continue;
            IdentifyRequest who = reply.Self;
            if (reply.ClusterId != Guid.Empty || who.Expect == 0 || who.ClusterName != _options.ClusterName) continue;
            if (who.Node.StoreUuid != StoreUuid && !found.Exists(f => f.Node.StoreUuid == who.Node.StoreUuid)) found.Add(who);
        }

        return found;
    }

    /// <summary>Why no cluster can be proposed now; null where it can, and by this node.</summary>
    private string? Obstacle(long now)
    {
        List<IdentifyRequest> others = CandidatesLocked(now);
        string[] names = [.. others.Select(static o => o.Node.Name).Append(_options.NodeName).Order(StringComparer.Ordinal)];
        if (Mismatch(others) is { } mismatch) return mismatch;
        if (names.Distinct().Count() != names.Length)
            return $"two nodes have one node_id: {string.Join(", ", names)}; give each its own";
        if (names.Length > _options.Expect)
        {
            return $"{names.Length} nodes are here ({string.Join(", ", names)}), bootstrap_expect is {_options.Expect}: "
                + "take some away, or raise it on all of them";
        }

        string seen = $"{names.Length} of {_options.Expect} nodes are here ({string.Join(", ", names)})";
        if (names.Length < _options.Expect) return seen + Strangers(now) + Silent();
        // A seed that was not asked yet may have a cluster.
        if (_asked.Find(static a => a.IsSeed && !a.IsTried) is { } untried) return $"{seen}; {untried.Address} was not heard yet";
        if (names[0] != _options.NodeName) return $"{seen}; {names[0]} is to propose";
        AskedNode? busy = _asked.Find(a => a.Reply is { } r && r.Held != Guid.Empty
            && others.Exists(o => o.Node.StoreUuid == r.Self.Node.StoreUuid));
        return busy is null ? null : $"{busy.Reply!.Self.Node.Name} holds the proposal {busy.Reply.Held} of {busy.Reply.HeldBy}";
    }

    private string? Mismatch(List<IdentifyRequest> others)
    {
        foreach (IdentifyRequest other in others)
        {
            string name = other.Node.Name;
            // A cluster begins at the highest version of its founders, which all of them must speak.
            if (other.ProtocolMax != PeerProtocol.Max)
            {
                return $"{name} speaks protocols {other.ProtocolMin} to {other.ProtocolMax}, "
                    + $"this node {PeerProtocol.Min} to {PeerProtocol.Max}: start all founders from one release";
            }

            if (other.Expect != _options.Expect)
                return $"{name} has bootstrap_expect {other.Expect}, this node {_options.Expect}";
            if (other.Settings != _options.Settings)
                return $"{name} is configured with {other.Settings}, this node with {_options.Settings}";
        }

        return null;
    }

    // They are no founders of this cluster, but where some are missing one of them may be meant to be.
    private string Strangers(long now)
    {
        IEnumerable<string> words = _asked
            .Where(a => a.Reply is { } reply && Since(a.RepliedAt, now) <= _options.FreshFor
                && reply.Self.ClusterName != _options.ClusterName)
            .Select(static a => a.Reply!.Self)
            .DistinctBy(static who => who.Node.StoreUuid)
            .Select(who => $"; node {who.Node.Name} at {who.Node.Address} has cluster.name {who.ClusterName}, "
                + $"this one {_options.ClusterName}");
        return string.Concat(words);
    }

    private string Silent()
    {
        string[] silent = [.. _asked.Where(static a => a.Failure is not null).Select(static a => $"{a.Address} ({a.Failure})")];
        return silent.Length == 0 ? "" : "; waiting for " + string.Join(", ", silent);
    }

    private string Describe()
    {
        FormationProposal? held = _file.Accepted;
        switch (Stage)
        {
            case FormationStage.Formed: return $"formed cluster {_formed!.ClusterId}";
            case FormationStage.ClusterFound: return $"found a cluster at {FoundAt}";
            case FormationStage.Seeking: return "forming: " + (_problem ?? "about to propose a cluster");
            case FormationStage.Accepted: return DescribeAccepted(held!);
        }

        string missing = string.Join(", ", held!.Members.Where(m => !_acceptedBy.Contains(m.StoreUuid)).Select(static m => m.Name));
        return $"forming: waiting for {missing}" + (_problem is null ? "" : $"; {_problem}");
    }

    private string DescribeAccepted(FormationProposal held)
    {
        FormationMember proposer = held.Proposer;
        AskedNode? asked = _asked.Find(a => a.Address == proposer.Address);
        string words = $"forming: accepted the proposal {held.ClusterId} of {proposer.Name}, "
            + $"waiting for {proposer.Name} at {proposer.Address}";
        if (asked?.Failure is { } failure) return $"{words} ({failure})";
        if (asked?.Reply is { } reply && reply.Self.Node.StoreUuid != proposer.StoreUuid && reply.Self.Node.Name == proposer.Name)
        {
            return $"{words}, which lives on another store now: if store {proposer.StoreUuid} is lost, remove the file "
                + $"{Path.Combine(_options.DataDirectory, FormationFile.FileName)} here and on every node that waits like this one";
        }

        return words;
    }
}
