using NoriKV.Client;
using NoriKV.Types;

namespace NoriKV.Cli.Cluster;

/// <summary>What an operator wanted was asked of a node, and what became of it is not known: it may be done.</summary>
internal sealed class WishUnknownException(string message, Exception inner)
    : NoriKVException(new KvError(KvCode.CommitTimeout, message), inner);
