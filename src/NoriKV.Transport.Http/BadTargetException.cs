namespace NoriKV.Transport.Http;

/// <summary>The request is wrong in a way its sender must repair: answered 400 with this message.</summary>
internal sealed class BadTargetException(string message) : Exception(message);
