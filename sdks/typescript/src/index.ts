/// <reference types="node" preserve="true" />
export { Client, connect } from './client.js';
export {
  AlreadyExistsError, type Code, DeadlineExceededError, InvalidArgumentError, NoriKVError, NotFoundError, NotLeaderError,
  OutcomeUnknownError, OverloadedError, UnavailableError, VersionMismatchError,
} from './errors.js';
export { hashedPart, jumpHash, shardOf, xxhash64 } from './hashing.js';
export type { ClientOptions, RetryPolicy, TlsOptions } from './options.js';
export {
  type BatchOptions, type BatchResult, type Bytes, type CallOptions, type ClusterNode, type ClusterView, compareVersions,
  type Consistency, type DeleteOptions, type DeleteResult, type GetOptions, type GetResult, type Meta, type Operation, type Page,
  type Pair, type PutOptions, type PutResult, type ScanOptions, type Shard, type Version,
} from './types.js';
