using System.Globalization;
using Nori.Swim;
using Nori.Swim.Core;
using NoriKV.Node.Ports;
using NoriKV.Types;

namespace NoriKV.Node.Membership;

/// <summary>
/// SWIM's view as the node needs it. A hint: it finds nodes and speeds things up, and changes no quorum. A member says
/// its number and address in its metadata: see <see cref="Describe"/>.
/// </summary>
public sealed class SwimMembership : IMembership, IDisposable
{
    /// <summary>The names of the values in a member's metadata.</summary>
    public const string NumberValue = "number";

    public const string AddressValue = "rpc";

    private readonly SwimWatch _watch;
    private readonly Lock _telling = new();
    private readonly List<Action<IReadOnlyList<Member>>> _followers = [];
    private IReadOnlyList<Member> _members;

    /// <param name="swim">The node's SWIM member; stays the caller's.</param>
    public SwimMembership(SwimNode swim)
    {
        ArgumentNullException.ThrowIfNull(swim);
        _watch = swim.Watch();
        _members = Read(swim);
        Following = FollowAsync(swim);
    }

    /// <summary>Ends with the member, or with what a follower threw: from then on nobody is told.</summary>
    public Task Following { get; }

    /// <inheritdoc/>
    public IReadOnlyList<Member> Members => Volatile.Read(ref _members);

    /// <inheritdoc/>
    public void Follow(Action<IReadOnlyList<Member>> changed)
    {
        ArgumentNullException.ThrowIfNull(changed);
        lock (_telling)
        {
            _followers.Add(changed);
            changed(_members);
        }
    }

    /// <summary>What this node says of itself, for <see cref="SwimOptions.Metadata"/>.</summary>
    /// <param name="number">0 while the meta group has given none.</param>
    /// <param name="address">Dialable by clients and peers, host:port.</param>
    /// <param name="zone">Its failure zone, or empty.</param>
    /// <param name="software">The version of its software.</param>
    public static SwimMetadata Describe(NodeNumber number, string address, string zone, string software) => new()
    {
        Zone = zone,
        Software = software,
        Values = new Dictionary<string, string>
        {
            [NumberValue] = number.Value.ToString(CultureInfo.InvariantCulture),
            [AddressValue] = address,
        },
    };

    /// <summary>Stops following.</summary>
    public void Dispose() => _watch.Dispose();

    private async Task FollowAsync(SwimNode swim)
    {
        await foreach (SwimEvent _ in _watch.ReadAllAsync().ConfigureAwait(false))
        {
            // The whole view is read each time, so an event that was dropped loses nothing.
            // Told under the lock: who begins to follow meanwhile must not put an older list behind this one.
            lock (_telling)
            {
                Volatile.Write(ref _members, Read(swim));
                foreach (Action<IReadOnlyList<Member>> follower in _followers) follower(_members);
            }
        }
    }

    private static Member[] Read(SwimNode swim) => swim.Members
        .Where(static m => m.State != MemberState.Left && !m.Metadata.IsEmpty)
        .Select(ToMember)
        .OrderBy(static m => m.Number)
        .ThenBy(static m => m.Name, StringComparer.Ordinal)
        .ToArray();

    private static Member ToMember(SwimMember member)
    {
        SwimMetadata? metadata = SwimMetadata.TryDecode(member.Metadata.Span);
        ulong number = 0;
        if (metadata?.Values.TryGetValue(NumberValue, out string? text) == true)
            _ = ulong.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out number);
        string address = metadata?.Values.GetValueOrDefault(AddressValue) ?? string.Empty;
        return new Member(new NodeNumber(number), member.Id.Value, address, member.State == MemberState.Alive)
        {
            HasFailed = member.State == MemberState.Failed,
        };
    }
}
