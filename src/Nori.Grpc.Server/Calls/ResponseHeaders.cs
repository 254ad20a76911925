using System.Globalization;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Primitives;

namespace Nori.Grpc.Server;

/// <summary>The protocol's part of response headers and trailers.</summary>
internal static class ResponseHeaders
{
    private static readonly StringValues ContentType = "application/grpc";
    private static readonly StringValues Identity = "identity";
    private static readonly StringValues[] Codes =
        [.. Enumerable.Range(0, 17).Select(code => (StringValues)code.ToString(CultureInfo.InvariantCulture))];

    public static void Write(HttpResponse response, Metadata? metadata)
    {
        response.Headers.ContentType = ContentType;
        response.Headers["grpc-accept-encoding"] = Identity;
        Write(response.Headers, metadata);
    }

    /// <summary>
    /// Puts the status where it belongs: into the trailers behind a body, else into the headers.
    /// </summary>
    public static void WriteStatus(ServerCallContext context, in GrpcStatus status, Metadata? trailers)
    {
        HttpResponse response = context.HttpContext.Response;
        if (context.Output.HasBegun)
        {
            IHeaderDictionary target =
                context.HttpContext.Features.Get<Microsoft.AspNetCore.Http.Features.IHttpResponseTrailersFeature>()!
                    .Trailers;
            Write(target, status, trailers);
        }
        else
        {
            Write(response, context.ResponseHeadersOrNull);
            Write(response.Headers, status, trailers);
        }
    }

    /// <summary>Answers with a status and nothing else.</summary>
    public static void WriteTrailersOnly(HttpResponse response, in GrpcStatus status, Metadata? trailers)
    {
        Write(response, null);
        Write(response.Headers, status, trailers);
    }

    private static void Write(IHeaderDictionary target, in GrpcStatus status, Metadata? trailers)
    {
        Write(target, trailers);
        int code = (int)status.Code;
        target["grpc-status"] = (uint)code < (uint)Codes.Length ? Codes[code] : Codes[(int)GrpcStatusCode.Unknown];
        if (!string.IsNullOrEmpty(status.Message)) target["grpc-message"] = GrpcMessageEncoding.Encode(status.Message);
    }

    private static void Write(IHeaderDictionary target, Metadata? metadata)
    {
        if (metadata is null) return;
        foreach (MetadataEntry entry in metadata) target.Append(entry.Key, entry.WireValue);
    }
}
