using Google.Protobuf.Reflection;
using Nori.Grpc.Server.Proto.ReflectionV1;

namespace Nori.Grpc.Server.Tests;

public sealed class ReflectionTests
{
    [Theory]
    [InlineData("grpc.reflection.v1.ServerReflection")]
    [InlineData("grpc.reflection.v1alpha.ServerReflection")]
    public async Task Both_versions_list_the_services(string service)
    {
        ServerReflectionResponse answer = await AskAsync(
            new ServerReflectionRequest { Host = "h", ListServices = "*" }, service);
        Assert.Equal("h", answer.ValidHost);
        Assert.Equal("*", answer.OriginalRequest.ListServices);
        Assert.Equal(
            ["grpc.health.v1.Health", "grpc.reflection.v1.ServerReflection", "grpc.reflection.v1alpha.ServerReflection"],
            answer.ListServicesResponse.Service.Select(s => s.Name));
    }

    [Theory]
    [InlineData("grpc.health.v1.Health")]
    [InlineData("grpc.health.v1.Health.Watch")]
    [InlineData("grpc.health.v1.HealthCheckResponse")]
    [InlineData("grpc.health.v1.HealthCheckResponse.ServingStatus")]
    [InlineData("grpc.health.v1.HealthCheckRequest.service")]
    public async Task A_symbol_leads_to_its_file(string symbol)
    {
        ServerReflectionResponse answer = await AskAsync(new ServerReflectionRequest { FileContainingSymbol = symbol });
        var file = FileDescriptorProto.Parser.ParseFrom(
            Assert.Single(answer.FileDescriptorResponse.FileDescriptorProto));
        Assert.Equal("grpc/health.proto", file.Name);
        Assert.Equal("grpc.health.v1", file.Package);
    }

    [Fact]
    public async Task A_file_comes_with_what_it_imports()
    {
        ServerReflectionResponse answer = await AskAsync(
            new ServerReflectionRequest { FileByFilename = "google/protobuf/type.proto" });
        string[] names = [.. answer.FileDescriptorResponse.FileDescriptorProto
            .Select(bytes => FileDescriptorProto.Parser.ParseFrom(bytes).Name)];
        Assert.Equal("google/protobuf/type.proto", names[0]);
        Assert.Contains("google/protobuf/any.proto", names);
        Assert.Contains("google/protobuf/source_context.proto", names);
    }

    [Fact]
    public async Task What_is_not_there_is_an_error_in_the_answer()
    {
        foreach (ServerReflectionRequest request in new[]
        {
            new ServerReflectionRequest { FileByFilename = "no.proto" },
            new ServerReflectionRequest { FileContainingSymbol = "no.Symbol" },
            new ServerReflectionRequest { AllExtensionNumbersOfType = "no.Type" },
            new ServerReflectionRequest
            {
                FileContainingExtension = new ExtensionRequest { ContainingType = "no.Type", ExtensionNumber = 1 },
            },
        })
        {
            ServerReflectionResponse answer = await AskAsync(request);
            Assert.Equal((int)GrpcStatusCode.NotFound, answer.ErrorResponse.ErrorCode);
        }

        ServerReflectionResponse empty = await AskAsync(new ServerReflectionRequest());
        Assert.Equal((int)GrpcStatusCode.InvalidArgument, empty.ErrorResponse.ErrorCode);
    }

    [Fact]
    public async Task A_message_without_extensions_has_none()
    {
        ServerReflectionResponse answer = await AskAsync(
            new ServerReflectionRequest { AllExtensionNumbersOfType = "grpc.health.v1.HealthCheckRequest" });
        Assert.Equal("grpc.health.v1.HealthCheckRequest", answer.AllExtensionNumbersResponse.BaseTypeName);
        Assert.Empty(answer.AllExtensionNumbersResponse.ExtensionNumber);
    }

    private static async Task<ServerReflectionResponse> AskAsync(
        ServerReflectionRequest request, string service = "grpc.reflection.v1.ServerReflection")
    {
        var reflection = new ReflectionService(Google.Protobuf.WellKnownTypes.TypeReflection.Descriptor);
        await using TestServer server = await TestServer.StartAsync(more: reflection.Definitions);
        var method = new GrpcMethod<ServerReflectionRequest, ServerReflectionResponse>(
            GrpcMethodKind.Duplex,
            service,
            "ServerReflectionInfo",
            ProtobufMarshaller.For(ServerReflectionRequest.Parser),
            ProtobufMarshaller.For(ServerReflectionResponse.Parser));
        var options = new GrpcCallOptions { Timeout = TimeSpan.FromSeconds(60) };
        await using var call = server.Channel.DuplexStreaming(method, options);
        await call.WriteAsync(request);
        await call.CompleteAsync();
        ServerReflectionResponse? answer = null;
        await foreach (ServerReflectionResponse each in call.ReadAllAsync()) answer = each;
        return answer!;
    }
}
