using NoriKV.Cli;
using NoriKV.Cli.Console;

return await CliApp.RunAsync(args, CliHost.ForProcess()).ConfigureAwait(false);
