package com.norikv.client;

/** What one operation of a batch came to: the result of its kind, or {@link FailedResult}. */
public sealed interface OperationResult permits PutResult, GetResult, DeleteResult, FailedResult {
}
