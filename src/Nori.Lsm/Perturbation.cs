namespace Nori.Lsm;

/// <summary>
/// Lets a test act between two steps of a reader that no scheduler would separate. Off, and gone from compiled code, unless
/// the process says otherwise at its start.
/// </summary>
internal static class Perturbation
{
    public static readonly bool IsOn = AppContext.TryGetSwitch("Nori.Lsm.Perturbation", out bool on) && on;

    [ThreadStatic]
    private static Action? t_next;

    /// <summary>What this thread does once at the next such place.</summary>
    public static void Set(Action next) => t_next = next;

    public static void Here()
    {
        Action? next = t_next;
        t_next = null;
        next?.Invoke();
    }
}
