using System.Collections.Concurrent;
using System.Net;
using System.Security.Cryptography;
using Nori.Core;
using Nori.Observe;
using Nori.Swim.Core;
using Nori.Swim.Net;
using Nori.Swim.Sealing;

namespace Nori.Swim;

/// <summary>
/// A member of a cluster: finds the others through seeds, tells who is alive, and says within seconds who failed.
/// What it says is a hint: fast, and rarely wrong, but two members may differ for a while.
/// </summary>
/// <remarks>
/// Thread-safe, except <see cref="RunOnce"/>, which belongs to the loop (or to the caller without one).
/// </remarks>
public sealed partial class SwimNode : IAsyncDisposable
{
    /// <summary>Calls that wait for the loop at most; further ones are refused.</summary>
    private const int CallsMax = 1024;

    /// <summary>Datagrams taken before the timers are looked at again.</summary>
    private const int ReceivesMax = 4096;

    private readonly SwimOptions _options;
    private readonly SwimCore _core;
    private readonly Envelope _envelope;
    private readonly ISwimTransport _transport;
    private readonly ISwimStream _stream;
    private readonly SwimMetrics _metrics;
    private readonly ConcurrentQueue<Action> _calls = new();
    private readonly CancellationTokenSource _stopping = new();
    private readonly byte[] _buffer = new byte[64 * 1024];
    private readonly long _startedAt;
    private readonly SwimLoop? _loop;

    private IReadOnlyList<SwimMember> _members;
    private volatile bool _isStopped;
    private readonly TaskCompletionSource _closed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _disposed;

    private SwimNode(SwimOptions options, ISwimTransport transport, ISwimStream stream)
    {
        (_options, _transport, _stream) = (options, transport, stream);
        _startedAt = options.Time.GetTimestamp();
        _envelope = new Envelope(options.Keys, options.Time, options.ClockTolerance);
        _core = new SwimCore(
            options.ToConfig(),
            new MemberId(options.NodeId),
            transport.LocalAddress,
            options.Metadata.Encode(),
            options.Incarnation,
            options.Seed ?? BitConverter.ToUInt64(RandomNumberGenerator.GetBytes(8)),
            now: 0);
        _members = _core.CopyMembers();
        _metrics = new SwimMetrics(options.Meter);
        _metrics.UpdateMembers(_core);
        _stream.Start(AnswerAsync);
        if (!options.RunLoop) return;
        _loop = new SwimLoop(this);
        _loop.Start();
    }

    /// <summary>Everyone known, those gone included, sorted by id; this node is one of them. Cheap.</summary>
    public IReadOnlyList<SwimMember> Members => Volatile.Read(ref _members);

    /// <summary>Those alive, suspected ones included: a suspect may still refute. Sorted by id.</summary>
    public IReadOnlyList<SwimMember> AliveMembers =>
        Members.Where(static m => m.State is MemberState.Alive or MemberState.Suspect).ToArray();

    /// <summary>This node as others see it.</summary>
    public SwimMember Self => Members.First(m => m.Id.Value == _options.NodeId);

    /// <summary>Where others reach this node, host:port.</summary>
    public string Address => _transport.LocalAddress;

    /// <summary>True when the core has stopped; nothing is answered any more.</summary>
    public bool IsStopped => _isStopped;

    /// <summary>
    /// Ends when the node's loop has ended: with success after <see cref="LeaveAsync"/> or <see cref="DisposeAsync"/>, with
    /// the exception when a step threw. A node without a loop has ended from the start.
    /// </summary>
    public Task Completion => _loop?.Ended ?? Task.CompletedTask;

    /// <summary>Counts since the start.</summary>
    public SwimCounts Counts => _core.Counts;

    /// <summary>Starts a node that knows only itself.</summary>
    /// <exception cref="ArgumentException">A setting cannot be; the message names every one.</exception>
    /// <exception cref="System.Net.Sockets.SocketException">The port is taken or not allowed.</exception>
    public static async Task<SwimNode> StartAsync(SwimOptions options, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(options);
        IReadOnlyList<string> problems = options.Validate();
        if (problems.Count > 0) throw new ArgumentException(string.Join("; ", problems), nameof(options));
        if (options.Transport is not null && options.Stream is not null)
            return new SwimNode(options, options.Transport, options.Stream);
        if (options.Transport is not null || options.Stream is not null)
            throw new ArgumentException("Transport and Stream are given both or not at all", nameof(options));

        string? advertise = null;
        if (options.AdvertiseAddress is not null)
        {
            IReadOnlyList<string> found = await ResolveAsync(options.AdvertiseAddress, cancellation).ConfigureAwait(false);
            if (found.Count == 0)
                throw new ArgumentException("AdvertiseAddress does not resolve: " + options.AdvertiseAddress, nameof(options));
            advertise = found[0];
        }

        (UdpSwimTransport transport, TcpSwimStream stream) = SwimPorts.Bind(
            options.ListenAddress,
            advertise,
            FrameBytesMax(options),
            options.StreamTimeout,
            options.Time);
        if (advertise is null && (transport.LocalEndPoint.Address.Equals(IPAddress.Any)
            || transport.LocalEndPoint.Address.Equals(IPAddress.IPv6Any)))
        {
            transport.Dispose();
            await stream.DisposeAsync().ConfigureAwait(false);
            throw new ArgumentException("AdvertiseAddress is needed where ListenAddress is every address", nameof(options));
        }

        return new SwimNode(options, transport, stream);
    }

    /// <summary>True for a member that is alive or suspected; false for one that failed, left or is not known.</summary>
    public bool IsAlive(string nodeId) => Members.Any(
        m => m.State is MemberState.Alive or MemberState.Suspect && m.Id.Value == nodeId);

    /// <summary>
    /// Exchanges everything with each seed and returns how many answered; 0 means that this node is still alone. Call
    /// it again later in that case; one answer is enough, the rest is gossip.
    /// </summary>
    /// <param name="seeds">host:port, each a name or an address; a name may stand for several.</param>
    /// <param name="cancellation">Ends the waiting.</param>
    public Task<int> JoinAsync(IEnumerable<string> seeds, CancellationToken cancellation = default) =>
        JoinThoseAsync(seeds, skipsAlive: false, cancellation);

    /// <summary>
    /// <see cref="JoinAsync"/> with those seeds only that are not among the living: call it now and then, so that two
    /// halves that forgot each other, and a seed that came back elsewhere under its name, are found again.
    /// </summary>
    /// <param name="seeds">host:port, each a name or an address; names are resolved anew.</param>
    /// <param name="cancellation">Ends the waiting.</param>
    public Task<int> RejoinAsync(IEnumerable<string> seeds, CancellationToken cancellation = default) =>
        JoinThoseAsync(seeds, skipsAlive: true, cancellation);

    private async Task<int> JoinThoseAsync(IEnumerable<string> seeds, bool skipsAlive, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(seeds);
        HashSet<string> skipped = [Address, .. skipsAlive ? AliveMembers.Select(static m => m.Address) : []];
        List<Task<bool>> joins = [];
        foreach (string seed in seeds)
        {
            foreach (string address in await ResolveAsync(seed, cancellation).ConfigureAwait(false))
            {
                if (!skipped.Contains(address) && joins.Count < SwimCore.StreamsMax) joins.Add(JoinOneAsync(address));
            }
        }

        bool[] joined = await Task.WhenAll(joins).WaitAsync(cancellation).ConfigureAwait(false);
        return joined.Count(static ok => ok);
    }

    /// <summary>
    /// Says good-bye, waits until it is told or <see cref="SwimOptions.LeaveTimeout"/> has passed, and stops.
    /// </summary>
    public async Task LeaveAsync()
    {
        TaskCompletionSource told = new(TaskCreationOptions.RunContinuationsAsynchronously);
        if (!_isStopped && TryCall(() =>
        {
            _core.Leave(Now);
            _told.Add(told);
        }))
        {
            // A stop meanwhile ends the waiting: the loop that would tell is gone.
            using CancellationTokenSource patience = new(_options.LeaveTimeout, _options.Time);
            using var either = CancellationTokenSource.CreateLinkedTokenSource(patience.Token, _stopping.Token);
            await told.Task.WaitAsync(either.Token)
                .ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        await DisposeAsync().ConfigureAwait(false);
    }

    /// <summary>Changes what this node says of itself. Each change is gossip to everyone: not more than one in seconds.</summary>
    /// <exception cref="ArgumentException">It is larger than 512 bytes encoded, or has too many values.</exception>
    public void UpdateMetadata(SwimMetadata metadata)
    {
        ArgumentNullException.ThrowIfNull(metadata);
        byte[] encoded = metadata.Encode();
        int max = _options.ToConfig().MetadataBytesMax;
        if (encoded.Length > max) throw new ArgumentException($"metadata has {encoded.Length} bytes, {max} are allowed");
        if (metadata.Values.Count > SwimMetadata.ValuesMax)
            throw new ArgumentException($"metadata has {metadata.Values.Count} values, {SwimMetadata.ValuesMax} are allowed");
        TryCall(() => _core.UpdateMetadata(Now, encoded));
    }

    /// <summary>
    /// Changes the shared keys; the first seals, each opens. To rotate: add the new one last everywhere, then put it
    /// first everywhere, then take the old one away everywhere.
    /// </summary>
    public void SetKeys(IReadOnlyList<ReadOnlyMemory<byte>> keys)
    {
        ArgumentNullException.ThrowIfNull(keys);
        if (keys.Any(k => k.Length < 16) || keys.Count > 8)
            throw new ArgumentException("keys are at most 8, each of at least 16 bytes", nameof(keys));

        // Copied now: the loop takes them later, when the caller may have wiped its own.
        ReadOnlyMemory<byte>[] copies = [.. keys.Select(static k => (ReadOnlyMemory<byte>)k.ToArray())];
        TryCall(() => _envelope.SetKeys(copies));
    }

    /// <summary>The loop ended in an exception: nothing is answered any more, and nobody may wait for it.</summary>
    internal void NoteFailed()
    {
        _isStopped = true;
        _stopping.Cancel();
        CompleteWatches();
    }

    /// <summary>Stops without a word, as a crash would; others will find out. See <see cref="LeaveAsync"/>.</summary>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _disposed, 1) != 0)
        {
            await _closed.Task.ConfigureAwait(false);
            return;
        }

        try
        {
            _isStopped = true;
            _transport.Wake();
            await _stopping.CancelAsync().ConfigureAwait(false);
            if (_loop is not null) await _loop.Ended.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            await _stream.DisposeAsync().ConfigureAwait(false);
            _transport.Dispose();
            _envelope.Dispose();
            CompleteWatches();
        }
        finally
        {
            _closed.SetResult();
        }
    }

    private static int FrameBytesMax(SwimOptions options)
    {
        SwimCore sizes = new(options.ToConfig(), new MemberId("x"), "x:1", [], 0, 0, 0);
        return sizes.StateBytesMax + Envelope.OverheadBytes;
    }

    /// <summary>ip:port for each address that a host:port stands for; none when it does not resolve.</summary>
    private static async Task<IReadOnlyList<string>> ResolveAsync(string address, CancellationToken cancellation)
    {
        if (IPEndPoint.TryParse(address, out IPEndPoint? point) && address.Contains(':', StringComparison.Ordinal))
            return [UdpSwimTransport.Text(point)];
        int colon = address.LastIndexOf(':');
        if (colon <= 0 || !ushort.TryParse(address.AsSpan(colon + 1), out ushort port)) return [];
        try
        {
            IPAddress[] found = await Dns.GetHostAddressesAsync(address[..colon], cancellation).ConfigureAwait(false);
            return found.Select(a => UdpSwimTransport.Text(new IPEndPoint(a, port))).Distinct().ToArray();
        }
        catch (Exception e) when (e is System.Net.Sockets.SocketException or ArgumentException)
        {
            // An ArgumentException is a name that is too long to be one.
            return [];
        }
    }
}
