import { randomBytes } from 'node:crypto';

/** Outcomes that a server keeps of one session. */
export const WINDOW = 4096;

/**
 * One session of numbered writes. The oldest unresolved sequence stays within the window of the newest, else a server could
 * have forgotten its outcome.
 */
export class Session {
  private readonly unresolved = new Set<number>();
  private oldest = 1; // every sequence below is resolved
  private next = 1;

  constructor(readonly name: string) {}

  get hasRoom(): boolean {
    return this.next - this.oldest < WINDOW;
  }

  get isIdle(): boolean {
    return this.next === this.oldest;
  }

  acquire(): number {
    const sequence = this.next++;
    this.unresolved.add(sequence);
    return sequence;
  }

  release(sequence: number): void {
    this.unresolved.delete(sequence);
    while (this.oldest < this.next && !this.unresolved.has(this.oldest)) this.oldest++;
  }
}

export interface SessionKey {
  readonly session: Session;
  readonly sequence: number;
  readonly text: string;
}

/**
 * Gives each write its idempotency key `s1:<session>:<sequence>:<unix ms>`. One slow write would hold back a session; then
 * another session is used, so writes do not wait.
 */
export class SessionPool {
  private readonly sessions: Session[] = [];
  private current: Session | undefined;

  acquire(): SessionKey {
    let session = this.current;
    if (!session?.hasRoom) {
      session = this.sessions.find((s) => s.isIdle) ?? this.sessions.find((s) => s.hasRoom);
      if (!session) {
        // 128 random bits: two clients of one session would take each other's outcomes for their own.
        session = new Session(randomBytes(16).toString('hex'));
        this.sessions.push(session);
      }
      this.current = session;
    }
    const sequence = session.acquire();
    return { session, sequence, text: `s1:${session.name}:${sequence}:${Date.now()}` };
  }
}
