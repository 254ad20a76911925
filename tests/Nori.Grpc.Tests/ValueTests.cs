namespace Nori.Grpc.Tests;

public sealed class ValueTests
{
    [Fact]
    public void An_error_is_never_ok() => Assert.Throws<ArgumentException>(() => new GrpcException(GrpcStatusCode.Ok, "x"));

    [Fact]
    public void A_method_knows_its_path()
    {
        var method = new GrpcMethod<ReadOnlyMemory<byte>, ReadOnlyMemory<byte>>(
            GrpcMethodKind.Unary, "a.b.C", "D", Marshallers.Bytes, Marshallers.Bytes);
        Assert.Equal("/a.b.C/D", method.Path);
    }

    [Theory]
    [InlineData(400, GrpcStatusCode.Internal)]
    [InlineData(401, GrpcStatusCode.Unauthenticated)]
    [InlineData(403, GrpcStatusCode.PermissionDenied)]
    [InlineData(404, GrpcStatusCode.Unimplemented)]
    [InlineData(429, GrpcStatusCode.Unavailable)]
    [InlineData(502, GrpcStatusCode.Unavailable)]
    [InlineData(503, GrpcStatusCode.Unavailable)]
    [InlineData(504, GrpcStatusCode.Unavailable)]
    [InlineData(200, GrpcStatusCode.Unknown)]
    [InlineData(418, GrpcStatusCode.Unknown)]
    [InlineData(500, GrpcStatusCode.Unknown)]
    public void Http_statuses_map_as_the_protocol_says(int http, GrpcStatusCode expected) =>
        Assert.Equal(expected, HttpStatusMapping.FromHttp((System.Net.HttpStatusCode)http));

    [Fact]
    public void Options_report_every_problem()
    {
        var options = new GrpcChannelOptions
        {
            Address = new Uri("ftp://x"), MaxReceiveMessageBytes = 0, StreamWindowBytes = 1, ConnectTimeout = TimeSpan.Zero,
        };
        Assert.Equal(4, options.Validate().Count);
        Assert.Throws<ArgumentException>(() => new GrpcChannel(options));
        Assert.Empty(new GrpcChannelOptions { Address = new Uri("http://localhost:1") }.Validate());
    }
}
