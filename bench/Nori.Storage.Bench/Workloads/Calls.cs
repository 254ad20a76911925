namespace Nori.Storage.Bench.Workloads;

/// <summary>Calls into librocksdb that one operation takes, by what they cost.</summary>
internal readonly record struct Calls(double WithTransition, double Without)
{
    // clear, put, write
    public static readonly Calls Put = new(1, 2);

    // get_pinned, value, destroy
    public static readonly Calls Get = new(2, 1);

    // next, valid, key, value
    public static readonly Calls Next = new(1, 3);

    // create, seek, destroy, and the steps
    public static Calls Scan(int entries) => new(3 + entries, 3 * entries);

    /// <summary>The part that they are of the processor time of an operation.</summary>
    public double Share(double cpuMicros, (double WithTransition, double Without) cost) =>
        ((WithTransition * cost.WithTransition) + (Without * cost.Without)) / (cpuMicros * 1000);
}
