import type { Code, NoriKVError } from './errors.js';
import { errorOf, RETRIABLE } from './errors.js';
import { RpcFailure } from './transport.js';
import { type Message, statusError } from './wire.js';

// Answers that looked at the key: they say what came of the attempts before, too.
const DECIDED: ReadonlySet<Code> = new Set<Code>(['VERSION_MISMATCH', 'ALREADY_EXISTS']);

/**
 * Puts the answer of a batch together from those of its attempts. A shard that could not do its part says so for each of its operations; the
 * whole batch is sent again under its key, which does once what was not done and repeats what was answered. The first answer of an
 * operation that another attempt would not change is kept. Of a write that an attempt may have done only an answer that looked at the key says
 * what came of it.
 */
export class BatchParts {
  /** Undefined before the first answer. */
  answer: Message | undefined;
  private readonly unknown: boolean[]; // an attempt may have done it
  private readonly closed: boolean[]; // another attempt would not change it

  constructor(private readonly operations: readonly Message[]) {
    this.unknown = operations.map(() => false);
    this.closed = operations.map(() => false);
  }

  /**
   * Adds an attempt's answer; throws RpcFailure where some operation is to be tried again. `perhapsDone`: an attempt before ended without an
   * answer and may have been done.
   */
  take(response: Message, perhapsDone: boolean): void {
    const results: Message[] = response?.results ?? [];
    if (results.length !== this.operations.length) { // what it did nobody knows
      throw new RpcFailure(
        errorOf('INTERNAL', `the node answered ${results.length} results to ${this.operations.length} operations`), true);
    }
    this.answer ??= { ...response, results: [...results] };
    let why: NoriKVError | undefined;
    results.forEach((result, i) => {
      if (this.closed[i]) return;
      if (perhapsDone && this.writes(i)) this.unknown[i] = true;
      this.closed[i] = !isOpen(result);
      this.answer.results[i] = this.closed[i] ? this.outcome(result, i) : result;
      if (this.closed[i]) return;
      const error = statusError(result.error);
      if (error.code === 'COMMIT_TIMEOUT') this.unknown[i] = true;
      if (!why || (error.retryAfterMs ?? 0) > (why.retryAfterMs ?? 0)) why = error;
    });
    if (!why) return;
    // Of one operation it may be unknown: that is noted above.
    throw new RpcFailure(why.code === 'COMMIT_TIMEOUT' ? errorOf('DEADLINE_EXCEEDED', why.message, why) : why, true, true);
  }

  /** The answer where no further attempt is made: each operation that is still open has its own error. */
  end(broke: NoriKVError): Message {
    this.answer.results.forEach((result: Message, i: number) => {
      if (this.closed[i]) return;
      if (this.writes(i) && (this.unknown[i] || broke.code === 'COMMIT_TIMEOUT')) {
        this.answer.results[i] = unknownOutcome(result);
      } else if (this.unknown[i]) { // a read has no outcome to be unknown
        this.answer.results[i] = failed('no answer before the deadline');
      }
    });
    return this.answer;
  }

  private outcome(result: Message, i: number): Message {
    const refused = result.error && !DECIDED.has(statusError(result.error).code);
    return refused && this.unknown[i] && this.writes(i) ? unknownOutcome(result) : result;
  }

  private writes(i: number): boolean {
    return !this.operations[i].get;
  }
}

const unknownOutcome = (result: Message): Message => failed(`COMMIT_TIMEOUT: the outcome is unknown: ${result.error.message}`);

const failed = (message: string): Message => ({ error: { code: 4, message, leaderHint: '', retryAfterMs: 0 } });

/** True where another attempt may do better. A get that found no room in the answer never will: nobody asks to wait for it. */
function isOpen(result: Message): boolean {
  if (!result.error) return false;
  const error = statusError(result.error);
  return RETRIABLE.has(error.code) && (error.code !== 'OVERLOADED' || error.retryAfterMs !== undefined);
}
