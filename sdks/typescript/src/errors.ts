/** What an operation came to, the same words in every SDK. */
export type Code =
  | 'NOT_FOUND' | 'VERSION_MISMATCH' | 'ALREADY_EXISTS' | 'INVALID_ARGUMENT' | 'FAILED_PRECONDITION' | 'NOT_LEADER'
  | 'QUORUM_UNAVAILABLE' | 'UNAVAILABLE' | 'OVERLOADED' | 'COMMIT_TIMEOUT' | 'DEADLINE_EXCEEDED' | 'CANCELLED'
  | 'UNIMPLEMENTED' | 'PERMISSION_DENIED' | 'DATA_LOSS' | 'INTERNAL';

/** What another attempt, perhaps elsewhere, may get done. */
export const RETRIABLE: ReadonlySet<Code> = new Set<Code>([
  'NOT_LEADER', 'QUORUM_UNAVAILABLE', 'UNAVAILABLE', 'OVERLOADED', 'COMMIT_TIMEOUT', 'DEADLINE_EXCEEDED',
]);

/** What an error knows beside its code and message. */
export interface ErrorDetails {
  /** host:port of the leader, where it is known. */
  leaderHint?: string;
  /** How long the node asked to wait. */
  retryAfterMs?: number;
  cause?: unknown;
}

/** An operation that was not done, or whose outcome is unknown; `code` says which. */
export class NoriKVError extends Error {
  readonly code: Code;
  readonly leaderHint: string | undefined;
  readonly retryAfterMs: number | undefined;

  constructor(code: Code, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = new.target.name;
    this.code = code;
    this.leaderHint = details.leaderHint;
    this.retryAfterMs = details.retryAfterMs;
  }
}

/** The key is missing and the caller said that it must exist (`getRequired`). */
export class NotFoundError extends NoriKVError {}

/** Compare-and-set on another version or on a missing key; nothing was written. */
export class VersionMismatchError extends NoriKVError {}

/** The key exists and the put asked that it does not; nothing was written. */
export class AlreadyExistsError extends NoriKVError {}

/** The request is malformed or over a limit; sending it again cannot help. */
export class InvalidArgumentError extends NoriKVError {}

/** The leader of the shard could not be reached before the deadline; the operation was not done. */
export class NotLeaderError extends NoriKVError {}

/** No node could serve the operation before the deadline; it was not done. */
export class UnavailableError extends NoriKVError {}

/** The server stayed at one of its bounds until the deadline; the operation was not done. */
export class OverloadedError extends NoriKVError {}

/** The deadline passed and the operation was not done. */
export class DeadlineExceededError extends NoriKVError {}

/**
 * The deadline passed and the write may or may not have been done. Sent again with the same idempotency key it is done
 * once.
 */
export class OutcomeUnknownError extends NoriKVError {}

const CLASSES: Partial<Record<Code, typeof NoriKVError>> = {
  NOT_FOUND: NotFoundError,
  VERSION_MISMATCH: VersionMismatchError,
  ALREADY_EXISTS: AlreadyExistsError,
  INVALID_ARGUMENT: InvalidArgumentError,
  NOT_LEADER: NotLeaderError,
  QUORUM_UNAVAILABLE: UnavailableError,
  UNAVAILABLE: UnavailableError,
  OVERLOADED: OverloadedError,
  COMMIT_TIMEOUT: OutcomeUnknownError,
  DEADLINE_EXCEEDED: DeadlineExceededError,
};

/** The error that belongs to a code. */
export function errorOf(code: Code, message: string, details: ErrorDetails = {}): NoriKVError {
  return new (CLASSES[code] ?? NoriKVError)(code, message, details);
}
