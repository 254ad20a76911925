namespace NoriKV.Cli.Console;

/// <summary>The command line asks for something that cannot be; the message says what instead.</summary>
internal sealed class UsageException(string message) : Exception(message);
