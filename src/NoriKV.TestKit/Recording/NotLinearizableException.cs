using NoriKV.TestKit.Linearizability;

namespace NoriKV.TestKit.Recording;

/// <summary>Recorded answers that no single store could have given.</summary>
public sealed class NotLinearizableException(Contradiction contradiction)
    : Exception(ContradictionPicture.ToText(contradiction))
{
    /// <summary>The calls that contradict each other.</summary>
    public Contradiction Contradiction { get; } = contradiction;
}
