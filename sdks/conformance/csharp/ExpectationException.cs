namespace NoriKV.Conformance;

/// <summary>A step did not do what the scenario expects.</summary>
internal sealed class ExpectationException(string message) : Exception(message);
