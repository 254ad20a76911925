using Google.Protobuf.Reflection;
using Nori.Grpc.Server.Proto.Health;
using Nori.Grpc.Server.Proto.ReflectionV1;
using Nori.Grpc.Server.Proto.ReflectionV1Alpha;
using Request = Nori.Grpc.Server.Proto.ReflectionV1.ServerReflectionRequest;
using Response = Nori.Grpc.Server.Proto.ReflectionV1.ServerReflectionResponse;
using V1 = Nori.Grpc.Server.Proto.ReflectionV1;

namespace Nori.Grpc.Server;

/// <summary>
/// The standard reflection service, as v1 and v1alpha: tells clients such as grpcurl the services of a server
/// and the files that declare them. The two versions differ by name only, so one handler answers both.
/// </summary>
public sealed class ReflectionService
{
    private readonly DescriptorIndex _index;
    private readonly string[] _services;

    /// <summary>Serves the given files, and those of health and reflection themselves.</summary>
    public ReflectionService(params IEnumerable<FileDescriptor> files)
    {
        ArgumentNullException.ThrowIfNull(files);
        FileDescriptor[] roots =
        [
            .. files,
            HealthReflection.Descriptor,
            ReflectionV1Reflection.Descriptor,
            ReflectionV1AlphaReflection.Descriptor,
        ];
        _index = new DescriptorIndex(roots);
        _services =
        [
            .. roots.SelectMany(f => f.Services).Select(s => s.FullName)
                .Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal),
        ];
    }

    /// <summary>The services for a server: v1 and v1alpha.</summary>
    public IEnumerable<GrpcServiceDefinition> Definitions =>
        [Define("grpc.reflection.v1.ServerReflection"), Define("grpc.reflection.v1alpha.ServerReflection")];

    private GrpcServiceDefinition Define(string service)
    {
        var method = new GrpcMethod<Request, Response>(
            GrpcMethodKind.Duplex,
            service,
            "ServerReflectionInfo",
            ProtobufMarshaller.For(Request.Parser),
            ProtobufMarshaller.For(Response.Parser));
        return new GrpcServiceDefinition(service).AddDuplex(method, AnswerAsync);
    }

    private async Task AnswerAsync(
        GrpcRequestStream<Request> requests, GrpcResponseStream<Response> responses, ServerCallContext context)
    {
        while (await requests.MoveNextAsync().ConfigureAwait(false))
            await responses.WriteAsync(Answer(requests.Current)).ConfigureAwait(false);
    }

    private Response Answer(Request request)
    {
        var response = new Response { ValidHost = request.Host, OriginalRequest = request };
        switch (request.MessageRequestCase)
        {
            case Request.MessageRequestOneofCase.ListServices:
                response.ListServicesResponse = new V1.ListServiceResponse();
                foreach (string name in _services)
                    response.ListServicesResponse.Service.Add(new V1.ServiceResponse { Name = name });
                break;
            case Request.MessageRequestOneofCase.FileByFilename:
                Put(response, _index.FindFile(request.FileByFilename), "file");
                break;
            case Request.MessageRequestOneofCase.FileContainingSymbol:
                Put(response, _index.FindSymbol(request.FileContainingSymbol), "symbol");
                break;
            case Request.MessageRequestOneofCase.FileContainingExtension:
                // proto3 declares none but of options, which are not part of a service.
                Put(response, null, "extension");
                break;
            case Request.MessageRequestOneofCase.AllExtensionNumbersOfType
                when _index.HasMessage(request.AllExtensionNumbersOfType):
                response.AllExtensionNumbersResponse = new V1.ExtensionNumberResponse
                {
                    BaseTypeName = request.AllExtensionNumbersOfType,
                };
                break;
            case Request.MessageRequestOneofCase.AllExtensionNumbersOfType:
                Put(response, null, "type");
                break;
            default:
                response.ErrorResponse = Error(GrpcStatusCode.InvalidArgument, "The request asks for nothing.");
                break;
        }

        return response;
    }

    private static void Put(Response response, FileDescriptor? file, string what)
    {
        if (file is null)
        {
            response.ErrorResponse = Error(GrpcStatusCode.NotFound, $"There is no such {what}.");
            return;
        }

        response.FileDescriptorResponse = new V1.FileDescriptorResponse();
        foreach (FileDescriptor each in DescriptorIndex.WithDependencies(file))
            response.FileDescriptorResponse.FileDescriptorProto.Add(each.SerializedData);
    }

    private static V1.ErrorResponse Error(GrpcStatusCode code, string message) =>
        new() { ErrorCode = (int)code, ErrorMessage = message };
}
