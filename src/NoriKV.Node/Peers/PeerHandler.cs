namespace NoriKV.Node.Peers;

/// <summary>
/// Serves calls of one method. Runs on the thread on which the frame came: it must not block, and answers nothing by throwing.
/// Of a call that wants no answer the reply is dropped.
/// </summary>
internal delegate ValueTask<PeerReply> PeerHandler(PeerRequest request);
