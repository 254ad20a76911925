using System.Collections.Concurrent;
using Nori.Raft.Core;

namespace Nori.Raft;

/// <summary>Replicas in one process, connected.</summary>
/// <remarks>Thread-safe. Frames are handed over by the sender's thread.</remarks>
public sealed class MemoryRaftNetwork
{
    private readonly ConcurrentDictionary<ReplicaId, Transport> _transports = new();

    /// <summary>The way of one replica to the others; asking again gives the same one.</summary>
    public IRaftTransport Of(ReplicaId replica) => _transports.GetOrAdd(replica, _ => new Transport(this));

    /// <summary>Lets nothing through to or from a replica, or everything again.</summary>
    public void SetCut(ReplicaId replica, bool isCut) => ((Transport)Of(replica)).IsCut = isCut;

    private sealed class Transport(MemoryRaftNetwork network) : IRaftTransport
    {
        private volatile bool _isCut;

        public bool IsCut
        {
            get => _isCut;
            set => _isCut = value;
        }

        public Action<ReadOnlyMemory<byte>>? Received { get; set; }

        public bool TrySend(ReplicaId target, RaftChannel channel, ReadOnlyMemory<byte> frame)
        {
            if (IsCut || !network._transports.TryGetValue(target, out Transport? other) || other.IsCut) return false;
            if (other.Received is not { } received) return false;
            received(frame);
            return true;
        }
    }
}
