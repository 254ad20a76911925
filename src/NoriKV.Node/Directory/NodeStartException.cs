namespace NoriKV.Node.Directory;

/// <summary>The node cannot start on this directory with these settings; the message says what to change.</summary>
public sealed class NodeStartException(string message) : Exception(message);
