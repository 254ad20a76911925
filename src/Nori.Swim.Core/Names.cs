using System.Text;

namespace Nori.Swim.Core;

/// <summary>
/// Makes the ids and addresses that a core keeps. A simulation of a thousand cores in one process replaces it by one that
/// keeps each text once for all of them: what is walked then fits a processor's caches.
/// </summary>
internal class Names
{
    public virtual (string Text, byte[] Bytes) Keep(ReadOnlySpan<byte> ascii) =>
        (Encoding.ASCII.GetString(ascii), ascii.ToArray());
}
