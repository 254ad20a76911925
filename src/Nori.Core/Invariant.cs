using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;

namespace Nori.Core;

/// <summary>
/// Assertions about our own code, always on: a broken one is a bug, and stopping beats answering wrongly.
/// </summary>
public static class Invariant
{
    /// <summary>Throws <see cref="InvariantException"/> unless <paramref name="condition"/> holds.</summary>
    /// <param name="condition">One condition, stated positively.</param>
    /// <param name="expression">Filled by the compiler with the text of the condition.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Assert(
        [DoesNotReturnIf(false)] bool condition,
        [CallerArgumentExpression(nameof(condition))] string? expression = null)
    {
        if (!condition) Fail(expression);
    }

    /// <summary>
    /// States that this point cannot be reached; returns the exception so that callers can <c>throw</c> it.
    /// </summary>
    public static InvariantException Unreachable(string why) => new($"reached what cannot be reached: {why}");

    [DoesNotReturn]
    private static void Fail(string? expression) => throw new InvariantException($"invariant broken: {expression}");
}
