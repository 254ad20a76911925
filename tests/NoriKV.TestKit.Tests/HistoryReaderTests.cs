using NoriKV.TestKit.Histories;
using NoriKV.TestKit.Linearizability;

namespace NoriKV.TestKit.Tests;

public sealed class HistoryReaderTests
{
    [Theory]
    [InlineData("nonsense", 1, "expected INFO jepsen.util")]
    [InlineData("INFO  jepsen.util - x\t:invoke\t:read\tnil", 21, "'x' is not the number of a process")]
    [InlineData("INFO  jepsen.util - 1\t:called\t:read\tnil", 23, "unknown type :called; known: :invoke")]
    [InlineData("INFO  jepsen.util - 1\t:invoke\t:peek\tnil", 31, "unknown operation :peek")]
    [InlineData("INFO  jepsen.util - 1\t:invoke\t:cas\t[1 2", 40, "expected ']', found the end of the line")]
    [InlineData("INFO  jepsen.util - 1\t:invoke\t:read\tnil nil", 41, "expected the end of the line")]
    [InlineData("INFO  jepsen.util - 1\t:ok\t:read\tnil", 1, "process 1 returns without a call")]
    [InlineData("{:process 1, :type :invoke, :f :get, :key \"k", 43, "a string that is not closed")]
    [InlineData("{:process 1, :type :invoke, :key \"k\"}", 38, "there is no :f")]
    [InlineData("{:process 1, :type invoke}", 20, "expected a type, which begins with a colon; found invoke")]
    [InlineData("{\"process\":1,\"type\":\"ok\",\"f\":\"read\",\"key\":\"k\"}", 1, "returns without a call")]
    [InlineData("{\"process\":1,\"type\":\"ok\" \"f\"}", 26, "this is not JSON")]
    [InlineData("{\"ä\":1,\"type\" 1}", 15, "this is not JSON")]
    [InlineData("{\"type\":\"ok\",\"f\":\"read\"}", 1, "there is no \"process\"")]
    [InlineData("{\"process\":1,\"type\":\"done\",\"f\":\"read\"}", 1, "unknown type \"done\"")]
    [InlineData("{\"process\":1,\"type\":\"ok\",\"f\":\"read\",\"value\":[1]}", 1, "\"value\" is neither a string nor a number")]
    public void A_line_that_cannot_be_read_is_named_with_its_column(string line, int column, string problem)
    {
        HistoryFormatException e = Assert.Throws<HistoryFormatException>(() => HistoryReader.Read(["", line], "h"));
        Assert.Contains(problem, e.Problem, StringComparison.Ordinal);
        Assert.Equal(("h", 2, column), (e.File, e.Line, e.Column));
        Assert.StartsWith($"h:2:{column}: ", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_call_while_one_is_open_and_an_answer_to_another_call_are_refused()
    {
        string call = """{"process":1,"type":"invoke","f":"read","key":"a"}""";
        string other = """{"process":1,"type":"ok","f":"read","key":"b"}""";
        HistoryFormatException e = Assert.Throws<HistoryFormatException>(() => HistoryReader.Read([call, call], "h"));
        Assert.Equal("process 1 calls while its call of line 1 is open", e.Problem);
        e = Assert.Throws<HistoryFormatException>(() => HistoryReader.Read([call, other], "h"));
        Assert.Contains("its call of line 1 is Read of key a", e.Problem, StringComparison.Ordinal);
    }

    [Fact]
    public void Maps_have_their_members_in_any_order_and_lines_of_the_nemesis_are_passed_over()
    {
        IReadOnlyList<Operation> history = HistoryReader.Read(
            [
                "{:type :invoke, :f :cas, :value [1 2], :time 17, :process 3, :index 0}",
                "{:type :info, :f :kill, :process :nemesis, :value {:node \"n1\"}, :index 1}",
                "INFO  jepsen.util - :nemesis\t:info\t:start\tnil",
                "INFO  jepsen.core - all is well",
                "{:type :ok :f :cas :value [1 2] :process 3 :error [:a (b c)]}",
                "{:process 4, :type :invoke, :f :put, :key 7, :value \"a \\\"b\\\" \\n\"}",
            ],
            "h");
        Assert.Equal(
            [
                new Operation(3, 1, 5, "register", OperationKind.CompareAndSet, "2", "1"),
                new Operation(4, 6, Operation.Unknown, "7", OperationKind.Write, "a \"b\" \n"),
            ],
            history.Select(o => o with { Result = null }));
    }

    [Fact]
    public void Numbers_of_json_are_values_too()
    {
        Operation read = HistoryReader.Read(
            [
                """{"process":1,"type":"invoke","f":"read","key":1}""",
                """ { "process" : 1, "type":"ok","f":"read","key":1,"value":42}""",
            ],
            "h").Single();
        Assert.Equal(("1", "42"), (read.Key, read.Result));
    }

    [Fact]
    public void What_is_written_reads_back_with_the_same_order()
    {
        Operation[] history =
        [
            new(1, 10, 30, "a", OperationKind.Write, "x \"quoted\" é"),
            new(2, 10, 10, "a", OperationKind.Read, Result: "x"),
            new(3, 20, Operation.Unknown, "b", OperationKind.CompareAndSet, "2", "1"),
            new(3, 40, 50, "b", OperationKind.CompareAndSet, "3", "2", Succeeded: false),
            new(2, 40, 45, "b", OperationKind.Delete),
            new(2, 50, 55, "b", OperationKind.Append, "+"),
            new(1, 60, 65, "b", OperationKind.Read),
        ];
        StringWriter text = new();
        HistoryWriter.Write(history, text);
        IReadOnlyList<Operation> back = HistoryReader.Read(text.ToString().Split('\n'), "h");
        Assert.Equal(
            history.Select(o => o with { Called = 0, Returned = o.IsKnown ? 0 : o.Returned }).OrderBy(o => o.ToString()),
            back.Select(o => o with { Called = 0, Returned = o.IsKnown ? 0 : o.Returned }).OrderBy(o => o.ToString()));
        Assert.Equal([1, 2], back.OrderBy(o => o.Called).Take(2).Select(o => o.Client).Order());
    }

    [Fact]
    public void Lines_made_up_of_real_ones_are_read_or_refused_with_their_place()
    {
        string[] real =
        [
            "INFO  jepsen.util - 1\t:invoke\t:cas\t[1 2]",
            "{:process 1, :type :invoke, :f :get, :key \"k\", :value nil}",
            """{"process":1,"type":"invoke","f":"cas","key":"k","value":"b","expected":"a"}""",
        ];
        Nori.Core.Prng random = new(20);
        for (int i = 0; i < 30_000; i++)
        {
            char[] line = real[random.NextInt(real.Length)].ToCharArray();
            for (int change = 1 + random.NextInt(4); change > 0; change--)
                line[random.NextInt(line.Length)] = "{}[]:\"\\ \t,x1ü"[random.NextInt(13)];
            string text = new string(line)[..(1 + random.NextInt(line.Length))];
            try
            {
                HistoryReader.Read([text], "h");
            }
            catch (HistoryFormatException e)
            {
                Assert.True(e.Line == 1 && e.Column >= 1 && e.Column <= text.Length + 1, $"{e.Message} of <{text}>");
            }
        }
    }
}
