namespace Nori.IO;

/// <summary>The call a rule matched.</summary>
/// <param name="Operation">Which call.</param>
/// <param name="Path">On what; the target of a rename or link.</param>
/// <param name="Number">Its number among all calls of the file system, from 1.</param>
public readonly record struct FaultCall(FileOperation Operation, string Path, long Number);
