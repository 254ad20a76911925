namespace NoriKV.TestKit.Recording;

/// <summary>A call that has begun.</summary>
/// <param name="Client">Who calls, as far as the history is concerned.</param>
/// <param name="At">When.</param>
/// <param name="Id">The key and the idempotency key of a call that has one.</param>
internal readonly record struct RecordedCall(int Client, long At, (string Key, string Id)? Id);
