using Nori.IO;
using NoriKV.Node.Formation;

namespace NoriKV.Node.Tests.Formation;

/// <summary>A founder with its disk, which can lose its process, its power and itself.</summary>
internal sealed class FounderProcess : IFormationTransport
{
    private readonly FormationWorld _world;
    private readonly string[] _seeds;
    private FaultInjectingFileSystem _files;
    private Founder? _founder;
    private ClusterRecord? _cluster;
    private int _life;
    private long _down;

    public FounderProcess(FormationWorld world, string name, int expect, string[] seeds)
    {
        (_world, Name, Expect, _seeds) = (world, name, expect, seeds);
        _files = new FaultInjectingFileSystem(new MemoryFileSystem(1));
        Prepare();
    }

    public string Name { get; }

    public string Address => $"{Name}:1";

    public int Expect { get; }

    public Founder? Founder => _founder;

    public FormationSettings Settings { get; init; } = new(8, false, 3);

    public string ClusterName { get; set; } = "norikv";

    /// <summary>What it is a member of, as its disk says.</summary>
    public ClusterRecord? Cluster => _cluster ??= ClusterRecord.Load(_files.Inner, FormationWorld.Directory);

    public bool IsUp => _founder is not null;

    /// <summary>Fails its disk and so its process at the Nth change from now.</summary>
    public void CrashAtChange(int number) => _files.Add(new FaultRule { AfterCalls = number, Times = FaultRule.Forever });

    public void Start()
    {
        _files.ClearRules();
        (_life, _down) = (_life + 1, 0);
        _founder = new Founder(
            new FormationOptions
            {
                NodeName = Name,
                Address = Address,
                DataDirectory = FormationWorld.Directory,
                FileSystem = _files,
                Seeds = _seeds,
                Time = _world.Time,
                Seed = _world.Random.NextUInt64() | 1,
                Expect = Expect,
                ClusterName = ClusterName,
                Settings = Settings,
            },
            this);
    }

    /// <summary>The power goes; it comes back by itself after the time.</summary>
    public void Crash(TimeSpan downFor)
    {
        (_founder, _cluster) = (null, null);
        _files = new FaultInjectingFileSystem(((MemoryFileSystem)_files.Inner).Crash(_world.Random.NextUInt64()));
        _down = _world.Time.GetTimestamp() + downFor.Ticks;
        _life++;
    }

    /// <summary>Its disk is replaced by an empty one.</summary>
    public void Wipe()
    {
        if (_founder is not null) _world.NoteWiped(_founder.StoreUuid);
        else if (Held() is { } held) _world.NoteWiped(held.StoreUuid);
        _files = new FaultInjectingFileSystem(new MemoryFileSystem(1));
        _cluster = null;
        Prepare();
        Start();
    }

    public void Step()
    {
        if (_founder is null && _down != 0 && _world.Time.GetTimestamp() >= _down) Start();
        Guarded(f => f.RunOnce());
    }

    /// <summary>Its answer; null while it is not there.</summary>
    public byte[]? Answer(Func<IFormationEndpoint, byte[]> ask) =>
        // A node that was formed and restarts answers for its cluster; it forms no other.
        _founder is null ? null
        : Cluster is { } record && _founder.Formed is null ? ask(new MemberStub(record, Name, Address))
        : Guarded(f => ask(f));

    /// <summary>Whether a store would still know after a loss of power that it accepted.</summary>
    public bool HasDurably(Guid cluster, Guid store)
    {
        MemoryFileSystem after = ((MemoryFileSystem)_files.Inner).Crash(7);
        if (ClusterRecord.Load(after, FormationWorld.Directory) is { } record)
            return record.ClusterId == cluster && record.Founding!.NumberOf(store) == record.Self;
        FormationFile? file = FormationFile.Load(after, FormationWorld.Directory);
        return file?.StoreUuid == store && file.Accepted?.ClusterId == cluster;
    }

    public void Identify(string address, IdentifyRequest request, Action<IdentifyReply?, string> answered)
    {
        byte[] bytes = request.Encode();
        int life = _life;
        _world.Ask(
            address, to => to.Identify(IdentifyRequest.TryDecode(bytes)!).Encode(),
            reply => Guarded(life, () => answered(reply is null ? null : IdentifyReply.TryDecode(reply), "not reachable")));
    }

    public void Form(string address, FormationProposal proposal, Action<FormReply?, string> answered)
    {
        byte[] bytes = proposal.Encode();
        int life = _life;
        _world.Ask(
            address, to => to.Form(FormationProposal.TryDecode(bytes)!).Encode(),
            reply => Guarded(life, () => answered(reply is null ? null : FormReply.TryDecode(reply), "not reachable")));
    }

    private FormationFile? Held() => FormationFile.Load(_files.Inner, FormationWorld.Directory);

    private void Prepare()
    {
        _files.Inner.CreateDirectory(FormationWorld.Directory);
        _files.Inner.SyncDirectory("/");
    }

    private void Guarded(int life, Action action)
    {
        if (life != _life || _founder is null) return;
        Guarded(_ =>
        {
            action();
            return 0;
        });
    }

    // A disk that fails ends the process; it comes back on what was durable.
    private T? Guarded<T>(Func<Founder, T> action)
    {
        if (_founder is not { } founder) return default;
        if (Cluster is not null && founder.Formed is null) return default;
        try
        {
            return action(founder);
        }
        catch (IOException)
        {
            Crash(TimeSpan.FromMilliseconds(_world.Random.NextInt(10, 3000)));
            return default;
        }
    }

    private sealed class MemberStub(ClusterRecord record, string name, string address) : IFormationEndpoint
    {
        public IdentifyReply Identify(IdentifyRequest caller) => new()
        {
            Self = caller with { Node = new FormationMember(name, Store, address, ""), Expect = 0 },
            ClusterId = record.ClusterId,
        };

        public FormReply Form(FormationProposal proposal) => new(
            proposal.ClusterId == record.ClusterId, proposal.ClusterId, Guid.Empty, "", "has a cluster");

        public ValueTask<NoriKV.Node.Meta.JoinReply> JoinAsync(JoinCall call, CancellationToken cancellationToken) =>
            throw new NotSupportedException();

        private Guid Store => record.Nodes.First(n => n.Number == record.Self).StoreUuid;
    }
}
