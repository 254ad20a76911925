/// <reference types="node" preserve="true" />
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { Client } from './client.js';
import type { ClientOptions } from './options.js';

const OUTPUT_LINES_MAX = 200;

/** How a server is started. */
export interface EphemeralServerOptions {
  /** The server program with its first arguments. Default: what NORIKV_SERVER names, separated by spaces; else norikv. */
  command?: readonly string[];
  /** Text of the server's configuration file, YAML or JSON. */
  configuration?: string;
  /** Further arguments of `norikv server`. */
  arguments?: readonly string[];
  /** How long to wait until it serves. Default 60 s. */
  startLimitMs?: number;
}

/**
 * The real server for a test: free ports of loopback, a temporary data directory, gone when closed. It can be stopped or
 * killed and started again on the same ports and data.
 */
export class EphemeralServer {
  /** host:port of gRPC; the same over restarts. */
  address = '127.0.0.1:0';
  /** host:port of HTTP; the same over restarts. */
  httpAddress = '127.0.0.1:0';
  private process: ChildProcess | undefined;
  private lines: string[] = [];

  private constructor(private readonly options: EphemeralServerOptions, private readonly folder: string) {}

  /** Starts a server and waits until it serves. */
  static async start(options: EphemeralServerOptions = {}): Promise<EphemeralServer> {
    const server = new EphemeralServer(options, await mkdtemp(join(tmpdir(), 'norikv-ephemeral-')));
    try {
      if (options.configuration !== undefined) await writeFile(join(server.folder, 'norikv.yaml'), options.configuration);
      await server.startAgain();
      return server;
    } catch (e) {
      await server.close();
      throw e;
    }
  }

  /** The id of the running process; 0 when it does not run. */
  get pid(): number {
    return this.process?.pid ?? 0;
  }

  /** The last lines that it printed. */
  get output(): string {
    return this.lines.join('\n');
  }

  /** Starts it again after stop or kill, on the same ports and data. */
  async startAgain(): Promise<void> {
    if (this.process) throw new Error('the server runs already');
    const command = this.options.command ?? (process.env['NORIKV_SERVER'] ?? 'norikv').split(' ').filter((w) => w.length > 0);
    const configuration = this.options.configuration === undefined ? [] : [join(this.folder, 'norikv.yaml')];
    const child = (this.process = spawn(command[0]!, [
      ...command.slice(1), 'server', ...configuration, '--with-parent', '--data-dir', join(this.folder, 'data'),
      '--rpc-addr', this.address, '--http-addr', this.httpAddress, ...(this.options.arguments ?? []),
    ], { stdio: ['pipe', 'pipe', 'pipe'] }));
    // A test that ends without closing leaves no server behind: it ends with its standard input, whose other end is here. Where this
    // process may still say something, at once.
    child.stdin!.on('error', () => undefined);
    const reap = () => child.kill('SIGKILL');
    process.once('exit', reap);
    child.once('close', () => process.off('exit', reap));
    try {
      await this.served(child);
    } catch (e) {
      await this.kill(); // so that it may be tried again
      throw e;
    }
  }

  private served(child: ChildProcess): Promise<void> {
    return new Promise((resolve, reject) => {
      const fail = (why: string) => reject(new Error(`${why}\n${this.output}`));
      const timer = setTimeout(() => fail('the server did not serve in time'), this.options.startLimitMs ?? 60_000);
      child.once('error', (e) => {
        clearTimeout(timer);
        this.process = undefined;
        fail(e.message);
      });
      child.once('close', () => fail('the server ended before it served'));
      for (const stream of [child.stdout!, child.stderr!]) {
        createInterface(stream).on('line', (line) => {
          this.lines = [...this.lines.slice(1 - OUTPUT_LINES_MAX), line];
          const ready = /^ready .*rpc=(\S+) http=(\S+)/.exec(line);
          if (!ready) return;
          [this.address, this.httpAddress] = [ready[1]!, ready[2]!];
          clearTimeout(timer);
          resolve();
        });
      }
      child.once('close', () => clearTimeout(timer));
    });
  }

  /** Asks it to stop (SIGTERM) and waits until it has. */
  stop(): Promise<void> {
    return this.end('SIGTERM');
  }

  /** Ends it at once, as a crash of the process would (SIGKILL). */
  kill(): Promise<void> {
    return this.end('SIGKILL');
  }

  /** Ends it and deletes its data. */
  async close(): Promise<void> {
    await this.kill();
    await rm(this.folder, { recursive: true, force: true });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** A client of it. */
  client(options: Partial<ClientOptions> = {}): Client {
    return new Client({ addresses: [this.address], ...options });
  }

  private async end(signal: NodeJS.Signals): Promise<void> {
    const child = this.process;
    if (!child) return;
    this.process = undefined;
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((resolve) => child.once('close', resolve));
    child.kill(signal);
    await ended;
  }
}
