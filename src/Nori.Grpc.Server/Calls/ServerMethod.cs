namespace Nori.Grpc.Server;

/// <summary>A method with its handler, its types hidden so that a table can hold it.</summary>
internal abstract class ServerMethod(string path)
{
    public string Path { get; } = path;

    public abstract Task InvokeAsync(ServerCallContext context);
}
