namespace Nori.Observe.Bench;

/// <summary>What one operation of a hot path costs.</summary>
/// <param name="Name">Which.</param>
/// <param name="Alone">Nanoseconds on one thread, the least of five runs.</param>
/// <param name="Together">Nanoseconds on as many threads as there are processors, on one handle.</param>
/// <param name="Bytes">Allocated by 10,000 of them.</param>
/// <param name="Budget">Nanoseconds that it may cost.</param>
internal sealed record HotPathRow(string Name, double Alone, double Together, long Bytes, double Budget)
{
    public bool IsMet => Alone <= Budget && Bytes == 0;
}
