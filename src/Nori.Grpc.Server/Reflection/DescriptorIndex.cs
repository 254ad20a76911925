using System.Collections.Frozen;
using Google.Protobuf.Reflection;

namespace Nori.Grpc.Server;

/// <summary>The files of a server by name and by the symbols they declare.</summary>
internal sealed class DescriptorIndex
{
    private readonly FrozenDictionary<string, FileDescriptor> _byName;
    private readonly FrozenDictionary<string, FileDescriptor> _bySymbol;
    private readonly FrozenSet<string> _messages;

    public DescriptorIndex(IEnumerable<FileDescriptor> roots)
    {
        var byName = new Dictionary<string, FileDescriptor>(StringComparer.Ordinal);
        var bySymbol = new Dictionary<string, FileDescriptor>(StringComparer.Ordinal);
        var messages = new HashSet<string>(StringComparer.Ordinal);
        foreach (FileDescriptor root in roots)
        {
            foreach (FileDescriptor file in WithDependencies(root))
            {
                if (!byName.TryAdd(file.Name, file)) continue;
                foreach (string symbol in Symbols(file)) bySymbol.TryAdd(symbol, file);
                foreach (MessageDescriptor message in Messages(file.MessageTypes)) messages.Add(message.FullName);
            }
        }

        _byName = byName.ToFrozenDictionary(StringComparer.Ordinal);
        _bySymbol = bySymbol.ToFrozenDictionary(StringComparer.Ordinal);
        _messages = messages.ToFrozenSet(StringComparer.Ordinal);
    }

    public FileDescriptor? FindFile(string name) => _byName.GetValueOrDefault(name);

    public FileDescriptor? FindSymbol(string symbol) => _bySymbol.GetValueOrDefault(symbol);

    public bool HasMessage(string name) => _messages.Contains(name);

    /// <summary>The file, then what it imports, directly or not, each once.</summary>
    public static IEnumerable<FileDescriptor> WithDependencies(FileDescriptor file)
    {
        var seen = new HashSet<string>(StringComparer.Ordinal) { file.Name };
        var waiting = new Queue<FileDescriptor>([file]);
        while (waiting.TryDequeue(out FileDescriptor? next))
        {
            yield return next;
            foreach (FileDescriptor dependency in next.Dependencies)
            {
                if (seen.Add(dependency.Name)) waiting.Enqueue(dependency);
            }
        }
    }

    private static IEnumerable<string> Symbols(FileDescriptor file)
    {
        foreach (ServiceDescriptor service in file.Services)
        {
            yield return service.FullName;
            foreach (MethodDescriptor method in service.Methods) yield return method.FullName;
        }

        foreach (MessageDescriptor message in Messages(file.MessageTypes))
        {
            yield return message.FullName;
            foreach (FieldDescriptor field in message.Fields.InDeclarationOrder()) yield return field.FullName;
            foreach (EnumDescriptor nested in message.EnumTypes) yield return nested.FullName;
        }

        foreach (EnumDescriptor type in file.EnumTypes) yield return type.FullName;
    }

    private static IEnumerable<MessageDescriptor> Messages(IEnumerable<MessageDescriptor> types) =>
        types.SelectMany(type => Messages(type.NestedTypes).Prepend(type));
}
