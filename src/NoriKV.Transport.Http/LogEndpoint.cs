using Microsoft.AspNetCore.Http;
using NoriKV.Node;
using NoriKV.Types;

namespace NoriKV.Transport.Http;

/// <summary>
/// GET /log: the levels of the log by component. PUT /log?component=raft&amp;level=debug: another level from here on, until the
/// process ends; without a component that of all that have none of their own.
/// </summary>
/// <remarks>Changing is for operators: see <see cref="OperatorGate"/>.</remarks>
internal sealed class LogEndpoint(HttpFacadeParts parts)
{
    private readonly OperatorGate _gate = new(parts);

    public Task ServeAsync(HttpContext http, RawTarget target)
    {
        if (parts.LogLevels is not { } levels)
            return HttpAnswers.WriteErrorAsync(http, 404, "NOT_FOUND", "this server's log has no levels");
        bool changes = HttpMethods.IsPut(http.Request.Method);
        if (!changes && !HttpMethods.IsGet(http.Request.Method) && !HttpMethods.IsHead(http.Request.Method))
        {
            http.Response.Headers.Allow = "GET, HEAD, PUT";
            return HttpAnswers.WriteErrorAsync(http, 405, "METHOD_NOT_ALLOWED", "this route takes GET and PUT");
        }

        if (!IsAllowed(http, changes))
            return HttpAnswers.WriteErrorAsync(http, new KvError(KvCode.PermissionDenied, "not allowed"));
        target.Only(changes ? ["component", "level"] : []);
        if (changes && levels.Set(target.Text("component") ?? "*", target.Text("level") ?? "") is { } problem)
            throw new BadTargetException(problem);
        return HttpAnswers.WriteJsonAsync(http, 200, json =>
        {
            json.WriteStartObject();
            foreach ((string component, string level) in levels.All) json.WriteString(component, level);
            json.WriteEndObject();
        });
    }

    private bool IsAllowed(HttpContext http, bool changes)
    {
        if (changes) return _gate.IsOpenTo(http);
        string principal = http.Connection.ClientCertificate?.Subject ?? "";
        return parts.Authorizer.IsAllowed(AccessRequest.Of(principal, AccessAction.Observe));
    }
}
