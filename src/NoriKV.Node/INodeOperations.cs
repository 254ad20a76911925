using NoriKV.Node.Diagnosis;
using NoriKV.Node.Meta;
using NoriKV.Types;

namespace NoriKV.Node;

/// <summary>What operators ask of a node beside its data: the cluster's administration.</summary>
/// <remarks>Thread-safe. The transports ask who may before they pass anything on.</remarks>
public interface INodeOperations
{
    /// <summary>Administration of the cluster; answers at any node.</summary>
    IClusterAdmin Admin { get; }

    /// <summary>
    /// What is wrong with the cluster, with evidence and what to do. Asks every member and takes seconds at most; those that do
    /// not answer are findings.
    /// </summary>
    ValueTask<KvResult<ClusterDiagnosis>> DiagnoseAsync(RequestContext context);
}
