using System.CommandLine;
using NoriKV.Cli.Cluster;
using NoriKV.Cli.Console;
using NoriKV.Node.Diagnosis;
using NoriKV.Transport.Grpc;

namespace NoriKV.Cli.Commands;

/// <summary><c>norikv doctor</c>: what is wrong with the cluster, what shows it, and what to do.</summary>
internal static class DoctorCommand
{
    public static Command Create(CliHost host, Option<bool> json)
    {
        var command = new ExampleCommand(
            "doctor",
            "Ask a node to ask all others, and say what is wrong: what, the evidence, what to do. Exit code 0: nothing is wrong; 1: "
            + "findings; 3: no node could be reached. docs/doctor.md explains each id.",
            "norikv doctor",
            "norikv doctor --addr db1:7447,db2:7447,db3:7447",
            "norikv doctor --json | jq -r '.findings[].id'");
        ClientOptions client = ClientOptions.AddOperatorsTo(command);
        command.SetAction(async (parse, token) =>
        {
            IClusterCalls cluster = client.ConnectCluster(parse, host);
            await using (cluster.ConfigureAwait(false))
            {
                ClusterDiagnosis diagnosis = await cluster.DiagnoseAsync(token).ConfigureAwait(false);
                var print = new Printer(host, parse.GetValue(json));
                print.Json(w => DiagnosisText.WriteJson(w, diagnosis));
                print.Lines(DiagnosisText.Lines(diagnosis));
                return diagnosis.IsHealthy ? ExitCode.Ok : ExitCode.No;
            }
        });
        return command;
    }
}
