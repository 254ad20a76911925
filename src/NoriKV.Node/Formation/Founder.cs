using Nori.Core;
using NoriKV.Node.Peers;

namespace NoriKV.Node.Formation;

/// <summary>
/// A node that founds a cluster with others (protocol.md §7). Each asks the addresses it knows who is there; once exactly as many as
/// expected are, the one with the smallest name proposes, and every founder makes one proposal durable before it says so.
/// <para>
/// The cluster exists from the moment its proposer has made durable that all accepted. Only the proposer decides, so it may give its
/// proposal up until then; one that it does not hold any more is dead, and those who accepted it forget it when
/// the proposer itself, asked behind their acceptance, says that it holds it no more. Everybody else hears of the cluster from
/// somebody who is in it.
/// </para>
/// </summary>
/// <remarks>Thread-safe. Owns no thread: somebody calls <see cref="RunOnce"/> often, and the transport brings answers.</remarks>
public sealed partial class Founder : IFormationEndpoint
{
    private readonly FormationOptions _options;
    private readonly IFormationTransport _transport;
    private readonly Prng _random;
    private readonly IdentifyRequest _self;

    // Guards everything below.
    private readonly Lock _gate = new();
    private readonly List<AskedNode> _asked = [];
    private readonly Dictionary<Guid, long> _proposedTo = [];
    private readonly HashSet<Guid> _acceptedBy = [];
    private FormationFile _file;
    private ClusterRecord? _formed;
    private Exception? _failure;
    private long _questions;
    private long _acceptedQuestion;
    private long _proposedAt;
    private long _pausedUntil;
    private Guid _sighted;
    private string? _problem;

    /// <summary>Goes on where the directory's last process stopped.</summary>
    /// <param name="options">How.</param>
    /// <param name="transport">Brings questions to others.</param>
    /// <exception cref="ArgumentException">The options have problems; all of them are named.</exception>
    /// <exception cref="Nori.IO.CorruptionException">What the directory holds is damaged.</exception>
    public Founder(FormationOptions options, IFormationTransport transport)
    {
        IReadOnlyList<string> problems = options.Validate();
        if (problems.Count > 0) throw new ArgumentException(string.Join("; ", problems), nameof(options));
        (_options, _transport) = (options, transport);
        _random = new Prng(options.Seed != 0 ? options.Seed : BitConverter.ToUInt64(
            System.Security.Cryptography.RandomNumberGenerator.GetBytes(sizeof(ulong))));
        _options.FileSystem.CreateDirectory(options.DataDirectory);
        _file = FormationFile.Load(options.FileSystem, options.DataDirectory) ?? new FormationFile(Guids.New(_random), null);
        Save(_file);
        _self = new IdentifyRequest(
            new FormationMember(options.NodeName, _file.StoreUuid, options.Address, options.Zone),
            options.ClusterName, options.Expect, options.Settings, PeerProtocol.Min, PeerProtocol.Max);
        foreach (string seed in options.Seeds) Add(seed, isSeed: true);
        if (_file.Accepted is { } held) Resume(held);
    }

    /// <summary>How far it is.</summary>
    public FormationStage Stage { get; private set; }

    /// <summary>The cluster, once there is one and this node is a founder.</summary>
    public ClusterRecord? Formed
    {
        get
        {
            lock (_gate) return _formed;
        }
    }

    /// <summary>The uuid of the store, which founding and joining share.</summary>
    public Guid StoreUuid => _self.Node.StoreUuid;

    /// <summary>Where a cluster was found, in <see cref="FormationStage.ClusterFound"/>; empty otherwise.</summary>
    public string FoundAt { get; private set; } = "";

    /// <summary>What it waits for, in words.</summary>
    public string Waiting
    {
        get
        {
            lock (_gate) return Describe();
        }
    }

    /// <summary>Does what is due; false when nothing was.</summary>
    /// <exception cref="Nori.IO.StorageException">The directory does not take what must be durable; there is no going on.</exception>
    public bool RunOnce()
    {
        var questions = new List<Action>();
        lock (_gate)
        {
            if (_failure is not null) throw new IOException("formation cannot be made durable", _failure);
            long now = Now;
            if (Stage is FormationStage.Formed or FormationStage.ClusterFound) return false;
            foreach (AskedNode node in _asked) AskLocked(node, now, questions);
            if (Stage == FormationStage.Seeking) ProposeLocked(now);
            if (Stage == FormationStage.Proposing) PursueLocked(now, questions);
        }

        // Outside: an answer may come before the call returns.
        foreach (Action question in questions) question();
        return questions.Count > 0;
    }

    private long Now => _options.Time.GetTimestamp();

    private void AskLocked(AskedNode node, long now, List<Action> questions)
    {
        if (node.IsWaiting && Since(node.AskedAt, now) > _options.AnswerMax)
        {
            node.IsWaiting = false;
            node.Failure = "does not answer";
        }

        if (node.IsWaiting || (node.AskedAt != 0 && Since(node.AskedAt, now) < _options.Interval)) return;
        (node.IsWaiting, node.AskedAt, node.Question) = (true, now, ++_questions);
        long question = _questions;
        questions.Add(() => _transport.Identify(
            node.Address, _self, (reply, failure) => OnIdentified(node, question, reply, failure)));
    }

    private void ProposeLocked(long now)
    {
        _problem = Obstacle(now);
        if (_problem is not null || now < _pausedUntil) return;
        FormationProposal proposal = FormationProposal.Create(
            Guids.New(_random), _options.Settings, CandidatesLocked(now).Select(static c => c.Node).Append(_self.Node));
        // Before anybody hears of it: a proposer that restarts must know what it asked others to accept.
        Save(_file with { Accepted = proposal });
        Resume(proposal);
    }

    private void Resume(FormationProposal held)
    {
        _acceptedBy.Clear();
        _proposedTo.Clear();
        _problem = null;
        _acceptedQuestion = _questions;
        foreach (FormationMember member in held.Members) Add(member.Address);
        bool isOwn = held.Proposer.StoreUuid == StoreUuid;
        Stage = isOwn ? FormationStage.Proposing : FormationStage.Accepted;
        _proposedAt = Now;
        if (isOwn) _acceptedBy.Add(StoreUuid);
    }

    private void PursueLocked(long now, List<Action> questions)
    {
        FormationProposal proposal = _file.Accepted!;
        if (_acceptedBy.Count == proposal.Members.Count)
        {
            DecideLocked(proposal);
            return;
        }

        if (Since(_proposedAt, now) > _options.ProposalMax)
        {
            AbandonLocked(now, $"not all accepted within {_options.ProposalMax.TotalSeconds:0} s");
            return;
        }

        foreach (FormationMember member in proposal.Members)
        {
            if (_acceptedBy.Contains(member.StoreUuid)) continue;
            TimeSpan pause = _proposedTo.TryGetValue(member.StoreUuid, out long at) ? Since(at, now) : TimeSpan.MaxValue;
            if (pause < _options.Interval * 2) continue;
            _proposedTo[member.StoreUuid] = now;
            questions.Add(() => _transport.Form(
                member.Address, proposal, (reply, failure) => OnProposed(proposal, member, reply, failure)));
        }
    }

    /// <summary>The moment from which the cluster exists.</summary>
    private void DecideLocked(FormationProposal proposal)
    {
        if (_asked.Find(a => a.Reply is { } r && r.Sighted != Guid.Empty && proposal.NumberOf(r.Self.Node.StoreUuid).Value != 0)
            is { } warned)
        {
            AbandonLocked(Now, $"{warned.Reply!.Self.Node.Name} sees cluster {warned.Reply.Sighted}");
            return;
        }

        FoundLocked(proposal);
    }

    private void FoundLocked(FormationProposal proposal)
    {
        Invariant.Assert(_file.Accepted?.ClusterId == proposal.ClusterId);
        ClusterRecord record = ClusterRecord.Of(proposal, StoreUuid);
        Guard(() => record.Save(_options.FileSystem, _options.DataDirectory));
        _formed = record;
        Stage = FormationStage.Formed;
    }

    /// <summary>Nobody but this node could have said that the proposal became a cluster, and it never will.</summary>
    private void AbandonLocked(long now, string why)
    {
        Save(_file with { Accepted = null });
        Stage = FormationStage.Seeking;
        _problem = why;
        _pausedUntil = now + (long)(_options.Pause.TotalSeconds * _options.Time.TimestampFrequency);
        _acceptedBy.Clear();
        _proposedTo.Clear();
        _sighted = Guid.Empty;
    }

    private void Save(FormationFile file)
    {
        Guard(() => file.Save(_options.FileSystem, _options.DataDirectory));
        _file = file;
    }

    // What a failed write left behind is unknown: this process says nothing more.
    private void Guard(Action write)
    {
        try
        {
            write();
        }
        catch (Exception failure)
        {
            _failure = failure;
            throw;
        }
    }

    private void Add(string address, bool isSeed = false)
    {
        if (address == _options.Address || _asked.Count >= _options.AddressesMax) return;
        if (_asked.Exists(a => a.Address == address)) return;
        _asked.Add(new AskedNode(address) { IsSeed = isSeed });
    }

    private TimeSpan Since(long then, long now) => _options.Time.GetElapsedTime(then, now);
}
