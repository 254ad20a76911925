namespace NoriKV.Client.Sessions;

/// <summary>A generated idempotency key and what is needed to give its sequence back.</summary>
internal readonly record struct SessionKey(Session Session, ulong Sequence, string Text);
