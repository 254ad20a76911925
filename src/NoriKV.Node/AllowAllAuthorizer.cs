namespace NoriKV.Node;

/// <summary>Allows everything: the default until there are principals.</summary>
public sealed class AllowAllAuthorizer : IAuthorizer
{
    private AllowAllAuthorizer()
    {
    }

    /// <summary>The one there is.</summary>
    public static AllowAllAuthorizer Instance { get; } = new();

    /// <inheritdoc/>
    public bool IsAllowed(in AccessRequest request) => true;
}
