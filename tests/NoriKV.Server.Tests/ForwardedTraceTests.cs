using System.Text.Json;

namespace NoriKV.Server.Tests;

/// <summary>What a request that went over two nodes says of where each of its stages was.</summary>
public sealed class ForwardedTraceTests
{
    [Fact]
    public async Task Each_stage_is_named_by_the_node_it_was_at_from_the_first_to_the_answer()
    {
        await using TestCluster cluster = await TestCluster.StartAsync(3);
        string[] names = ["n1", "n2", "n3"];
        int forwarded = 0, answers = 0;
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        for (int i = 0; forwarded == 0 || answers == 0; i++)
        {
            limit.Token.ThrowIfCancellationRequested();
            using var request = new HttpRequestMessage(HttpMethod.Put, $"/kv/key-{i}") { Content = new StringContent("v") };
            request.Headers.Add("Norikv-Explain", "1");
            using HttpResponseMessage answer = await cluster[i % 3].Http.SendAsync(request, limit.Token);
            if (!answer.IsSuccessStatusCode) continue;
            using JsonDocument trace = JsonDocument.Parse(answer.Headers.GetValues("Norikv-Trace").Single());
            string asked = names[i % 3], served = trace.RootElement.GetProperty("served_by").GetString()!;
            Assert.Equal(asked, trace.RootElement.GetProperty("node").GetString());
            (string Name, string Node)[] stages = [.. trace.RootElement.GetProperty("stages").EnumerateArray()
                .Select(static s => (s.GetProperty("stage").GetString()!, s.GetProperty("node").GetString()!))];
            int there = Array.FindIndex(stages, static s => s.Name == "forward");
            int back = Array.FindIndex(stages, static s => s.Name == "return");
            if (there < 0 || back < 0 || trace.RootElement.GetProperty("forwards").GetInt32() != 1) continue;
            forwarded++;
            string all = string.Join(", ", stages.Select(static s => $"{s.Name}@{s.Node}"));
            Assert.All(stages[..(there + 1)], s => Assert.True(s.Node == asked, all));
            Assert.All(stages[(there + 1)..back], s => Assert.True(s.Node == served && served != asked, all));
            Assert.All(stages[back..], s => Assert.True(s.Node == asked, all));
            answers += stages[(there + 1)..back].Count(static s => s.Name == "answer");
        }
    }
}
