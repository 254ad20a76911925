namespace Nori.Grpc;

/// <summary>A response with the metadata around it.</summary>
/// <typeparam name="T">The type of the response.</typeparam>
/// <param name="Message">The response.</param>
/// <param name="Headers">The metadata before it.</param>
/// <param name="Trailers">The metadata behind it.</param>
public sealed record GrpcResponse<T>(T Message, Metadata Headers, Metadata Trailers);
