namespace NoriKV.Node.Live;

/// <summary>Bounds of what nodes tell each other for those who watch.</summary>
public static class LiveBounds
{
    /// <summary>Bytes of a question. <value>1 KiB</value></summary>
    public const int QuestionBytesMax = 1 << 10;

    /// <summary>Bytes of an answer; a longer one is refused by whom it is sent to. <value>512 KiB</value></summary>
    public const int AnswerBytesMax = 512 << 10;
}
