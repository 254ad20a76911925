using System.Net;
using System.Net.WebSockets;
using System.Text;
using System.Text.Json;

namespace NoriKV.Cli.Tests;

public sealed class EventsTests : IDisposable
{
    private const string First =
        """{"seq":1,"epoch":70,"t":"2026-11-21T09:30:00.000Z","node":"n1","family":"Wal","kind":"Fsync","seg":3,"ms":0.5}""";
    private const string Second =
        """{"seq":2,"epoch":70,"t":"2026-11-21T09:30:01.000Z","node":"n1","family":"Raft","kind":"StepDown","shard":7}""";
    private const string Third =
        """{"seq":3,"epoch":70,"t":"2026-11-21T09:30:02.000Z","node":"n1","family":"Raft","kind":"VoteReq","shard":7}""";

    private readonly CliRunner _cli = new();

    public void Dispose() => _cli.Dispose();

    [Fact]
    public async Task Without_following_it_prints_what_is_remembered_and_ends()
    {
        using var node = new Node([[First, Second]]);
        Assert.Equal(0, await _cli.RunAsync($"events --http {node.Address}"));
        Assert.Equal(
            "2026-11-21T09:30:00.000Z n1 Wal.Fsync seg=3 ms=0.5\n2026-11-21T09:30:01.000Z n1 Raft.StepDown shard=7\n", _cli.Output);
        Assert.Equal(["/events?once=1"], node.Asked);
    }

    [Fact]
    public async Task Filters_and_the_beginning_are_the_nodes_business()
    {
        using var node = new Node([[Second]]);
        Assert.Equal(0, await _cli.RunAsync($"events --http {node.Address} --family Raft,Swim --kind StepDown --since 70.1 --json"));
        Assert.Equal(Second + "\n", _cli.Output);
        Assert.Equal(["/events?family=Raft,Swim&kind=StepDown&once=1&since=1&epoch=70"], node.Asked);
    }

    [Fact]
    public async Task Following_connects_again_and_goes_on_behind_the_last_event()
    {
        using var node = new Node([[First, Second], [Third]]);
        Assert.Equal(0, await _cli.RunAsync($"events -f --json --limit 3 --http {node.Address}"));
        Assert.Equal($"{First}\n{Second}\n{Third}\n", _cli.Output);
        Assert.Equal(["/events?hello=1", "/events?hello=1&since=2&epoch=70"], node.Asked);
        Assert.Contains("connecting again", _cli.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_connection_that_brought_no_event_goes_on_where_it_began()
    {
        const string Began = """{"seq":1,"epoch":70,"family":"Feed","kind":"Began"}""";
        using var node = new Node([[Began], [Second]]);
        Assert.Equal(0, await _cli.RunAsync($"events -f --json --limit 1 --http {node.Address}"));
        Assert.Equal(Second + "\n", _cli.Output);
        Assert.Equal(["/events?hello=1", "/events?hello=1&since=1&epoch=70"], node.Asked);
    }

    [Fact]
    public async Task A_restart_of_the_node_is_told_and_the_feed_goes_on()
    {
        const string Restarted =
            """{"seq":0,"epoch":71,"t":"2026-11-21T09:31:00.000Z","node":"n1","family":"Feed","kind":"Restarted","since":2}""";
        string after = First.Replace("\"epoch\":70", "\"epoch\":71", StringComparison.Ordinal);
        using var node = new Node([[First, Second], [Restarted, after], [Third]]);
        Assert.Equal(0, await _cli.RunAsync($"events -f --json --limit 5 --http {node.Address}"));
        Assert.Equal($"{First}\n{Second}\n{Restarted}\n{after}\n{Third}\n", _cli.Output);
        Assert.Equal("/events?hello=1&since=1&epoch=71", node.Asked[2]);
        Assert.Contains("the node restarted", _cli.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_number_without_its_epoch_is_no_position()
    {
        Assert.Equal(2, await _cli.RunAsync("events --since 17 --http 127.0.0.1:1"));
        Assert.Contains("EPOCH.SEQ", _cli.Error, StringComparison.Ordinal);
    }

    // The handshake is refused with a body that no WebSocket client shows.
    [Theory]
    [InlineData("--kind Fsynk", "there is no kind 'Fsynk' of events; known are SegmentRoll, Fsync")]
    [InlineData("-f --family Raft,Foo", "there is no family 'Foo' of events; known are Wal, Lsm")]
    public async Task A_word_that_no_event_has_is_a_usage_error_with_those_there_are(string options, string said)
    {
        using var node = new Node([[]]) { Refusal = said };
        Assert.Equal(2, await _cli.RunAsync($"events {options} --http {node.Address}"));
        Assert.Contains(said, _cli.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_recording_without_a_wanted_word_says_which_it_has()
    {
        string file = _cli.File("words.jsonl");
        await File.WriteAllTextAsync(file, "{\"format\":\"norikv-events\",\"version\":1}\n" + First + "\n" + Second + "\n");
        Assert.Equal(0, await _cli.RunAsync($"events --replay {file} --kind Fsynk,stepdown --family raft --json"));
        Assert.Equal(Second + "\n", _cli.Output);
        Assert.Equal("norikv: the recording has no event of kind Fsynk; it has Fsync, StepDown\n", _cli.Error);
    }

    [Fact]
    public async Task What_is_recorded_is_replayed_and_filtered()
    {
        using var node = new Node([[First, Second, Third]]);
        string file = _cli.File("events.jsonl");
        Assert.Equal(0, await _cli.RunAsync($"events --http {node.Address} --record {file}"));
        Assert.StartsWith("{\"format\":\"norikv-events\",\"version\":1}\n", await File.ReadAllTextAsync(file), StringComparison.Ordinal);
        Assert.Equal(0, await _cli.RunAsync($"events --replay {file} --family raft --json --speed 1000000"));
        Assert.Equal($"{Second}\n{Third}\n", _cli.Output);
        Assert.Equal(2, await _cli.RunAsync($"events --http {node.Address} --record {file}"));
        Assert.Contains("exists", _cli.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_recording_that_was_cut_off_is_replayed_as_far_as_it_is_whole()
    {
        string file = _cli.File("cut.jsonl");
        await File.WriteAllTextAsync(file, "{\"format\":\"norikv-events\",\"version\":1}\n" + First + "\n" + Second[..20]);
        Assert.Equal(0, await _cli.RunAsync($"events --replay {file} --json"));
        Assert.Equal(First + "\n", _cli.Output);
    }

    [Theory]
    [InlineData("", "no recording")]
    [InlineData("{}\n", "no recording")]
    [InlineData("{\"format\":\"norikv-events\",\"version\":2}\n", "version 2")]
    [InlineData("{\"format\":\"norikv-events\",\"version\":1}\nnonsense\n{\"seq\":1}\n", "not an event")]
    public async Task What_is_no_recording_is_refused_with_the_reason(string content, string said)
    {
        string file = _cli.File("bad.jsonl");
        await File.WriteAllTextAsync(file, content);
        Assert.Equal(2, await _cli.RunAsync($"events --replay {file}"));
        Assert.Contains(said, _cli.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(2, "the others go on")]
    [InlineData(1, "the other one goes on")]
    [InlineData(0, "it was the last: none goes on")]
    public void Dev_says_what_is_left_of_its_nodes(int nodes, string word) => Assert.Equal(word, Dev.DevCluster.LeftWord(nodes));

    [Fact]
    public async Task Nobody_there_is_unavailable()
    {
        Assert.Equal(3, await _cli.RunAsync("events -f --http 127.0.0.1:1"));
        Assert.Contains("127.0.0.1:1", _cli.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Control_characters_do_not_reach_the_terminal()
    {
        using var node = new Node([["{\"seq\":1,\"family\":\"a\\u001b[31m\",\"kind\":\"b\\nc\"}"]]);
        Assert.Equal(0, await _cli.RunAsync($"events --http {node.Address}"));
        Assert.Equal("- - a?[31m.b?c\n", _cli.Output);
    }

    /// <summary>A node that answers each connection with its events and closes it.</summary>
    private sealed class Node : IDisposable
    {
        private readonly HttpListener _listener = new();

        public Node(string[][] connections)
        {
            int port = FreePort.Next();
            _listener.Prefixes.Add($"http://127.0.0.1:{port}/");
            _listener.Start();
            Address = $"127.0.0.1:{port}";
            _ = ServeAsync(connections);
        }

        public string Address { get; }

        public List<string> Asked { get; } = [];

        /// <summary>What it refuses every request with, as a server does whose filter takes a word for none of its events.</summary>
        public string? Refusal { get; init; }

        public void Dispose() => _listener.Close();

        private async Task ServeAsync(string[][] connections)
        {
            try
            {
                foreach (string[] events in connections)
                {
                    HttpListenerContext http = await _listener.GetContextAsync();
                    while (Refusal is { } why)
                    {
                        http.Response.StatusCode = 400;
                        http.Response.Close(JsonSerializer.SerializeToUtf8Bytes(new { code = "INVALID_ARGUMENT", message = why }), false);
                        http = await _listener.GetContextAsync();
                    }

                    Asked.Add(http.Request.RawUrl!);
                    HttpListenerWebSocketContext accepted = await http.AcceptWebSocketAsync(null);
                    foreach (string e in events)
                    {
                        await accepted.WebSocket.SendAsync(
                            Encoding.UTF8.GetBytes(e).AsMemory(), WebSocketMessageType.Text, true, CancellationToken.None);
                    }

                    await accepted.WebSocket.CloseOutputAsync(WebSocketCloseStatus.NormalClosure, null, CancellationToken.None);
                }
            }
            catch (Exception closed) when (closed is HttpListenerException or ObjectDisposedException or WebSocketException)
            {
                // The end of the test.
            }
        }
    }
}
