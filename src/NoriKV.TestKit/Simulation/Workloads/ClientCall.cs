namespace NoriKV.TestKit.Simulation.Workloads;

/// <summary>The calls of a workload.</summary>
internal enum ClientCall
{
    Get,
    Put,
    Delete,
    Batch,
    Scan,
}
