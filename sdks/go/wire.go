package norikv

import (
	"fmt"
	"strings"
	"time"

	pb "github.com/norikv/norikv-go/proto/norikvv1"
)

func putRequest(key, value []byte, o *callOptions, idempotencyKey string) (*pb.PutRequest, error) {
	ttl, err := ttlMs(o.ttl)
	if err != nil {
		return nil, err
	}
	return &pb.PutRequest{
		Key: key, Value: value, TtlMs: ttl, IdempotencyKey: idempotencyKey,
		IfMatch: versionMessage(o.ifMatch), IfNotExists: o.ifNotExists,
	}, nil
}

func getRequest(key []byte, o *callOptions) *pb.GetRequest {
	return &pb.GetRequest{Key: key, Consistency: consistencyName(o), MaxStalenessMs: stalenessMs(o.maxStaleness)}
}

func deleteRequest(key []byte, o *callOptions, idempotencyKey string) *pb.DeleteRequest {
	return &pb.DeleteRequest{Key: key, IdempotencyKey: idempotencyKey, IfMatch: versionMessage(o.ifMatch)}
}

func batchRequest(operations []Operation, o *callOptions, idempotencyKey string) (*pb.BatchRequest, error) {
	request := &pb.BatchRequest{RequireAtomic: o.requireAtomic, IdempotencyKey: idempotencyKey}
	for i := range operations {
		op := &operations[i]
		if err := op.options.validate(); err != nil {
			return nil, err
		}
		if op.options.idempotencyKey != nil {
			return nil, newError(CodeInvalidArgument, "an idempotency key is the whole batch's: give it to Batch")
		}
		message := &pb.BatchOperation{}
		switch op.kind {
		case putKind:
			put, err := putRequest(op.key, op.value, &op.options, "")
			if err != nil {
				return nil, err
			}
			message.Operation = &pb.BatchOperation_Put{Put: put}
		case deleteKind:
			message.Operation = &pb.BatchOperation_Delete{Delete: deleteRequest(op.key, &op.options, "")}
		default:
			message.Operation = &pb.BatchOperation_Get{Get: getRequest(op.key, &op.options)}
		}
		request.Operations = append(request.Operations, message)
	}
	return request, nil
}

func scanRequest(o *callOptions) *pb.ScanRequest {
	return &pb.ScanRequest{
		Prefix: o.prefix, Start: o.start, End: o.end, Reverse: o.reverse, Limit: uint64(o.limit), PageToken: o.pageToken,
		KeysOnly: o.keysOnly, Consistency: consistencyName(o), MaxStalenessMs: stalenessMs(o.maxStaleness),
	}
}

// Rounded up: a shorter TTL than asked for would be a surprise, and 0 means none.
func ttlMs(ttl *time.Duration) (uint64, error) {
	if ttl == nil {
		return 0, nil
	}
	if *ttl <= 0 {
		return 0, newError(CodeInvalidArgument, fmt.Sprintf("TTL %s is not positive", *ttl))
	}
	return ceilMs(*ttl), nil
}

// 0 is the node's own bound.
func stalenessMs(d *time.Duration) uint64 {
	if d == nil {
		return 0
	}
	return ceilMs(*d)
}

func ceilMs(d time.Duration) uint64 { return uint64((d + time.Millisecond - 1) / time.Millisecond) }

func consistencyName(o *callOptions) string {
	if o.consistency == Linearizable {
		return ""
	}
	return string(o.consistency)
}

func versionMessage(v *Version) *pb.Version {
	if v == nil {
		return nil
	}
	return &pb.Version{Term: v.Term, Index: v.Index}
}

func versionOf(v *pb.Version) Version { return Version{v.GetTerm(), v.GetIndex()} }

func putResult(m *pb.PutResponse) *PutResult {
	return &PutResult{versionOf(m.GetVersion()), m.GetMeta()}
}

func getResult(m *pb.GetResponse) *GetResult {
	return &GetResult{m.GetVersion() != nil, m.GetValue(), versionOf(m.GetVersion()), m.GetMeta()}
}

func deleteResult(m *pb.DeleteResponse) *DeleteResult {
	return &DeleteResult{m.GetTombstoned(), versionOf(m.GetVersion()), m.GetMeta()}
}

func batchResults(m *pb.BatchResponse, operations int) ([]BatchResult, error) {
	if len(m.GetResults()) != operations {
		return nil, newError(CodeInternal, fmt.Sprintf("the node answered %d results to %d operations", len(m.GetResults()), operations))
	}
	results := make([]BatchResult, operations)
	for i, r := range m.GetResults() {
		switch r := r.GetResult().(type) {
		case *pb.OperationResult_Put:
			results[i].Put = putResult(r.Put)
		case *pb.OperationResult_Get:
			results[i].Get = getResult(r.Get)
		case *pb.OperationResult_Delete:
			results[i].Delete = deleteResult(r.Delete)
		case *pb.OperationResult_Error:
			results[i].Err = statusError(r.Error)
		default:
			results[i].Err = newError(CodeInternal, "the node answered an empty result")
		}
	}
	return results, nil
}

func viewOf(m *pb.ClusterView) *ClusterView {
	view := &ClusterView{
		Epoch: m.GetEpoch(), ClusterID: m.GetClusterId(), TotalShards: int(m.GetTotalShards()), HashTags: m.GetHashTags(),
	}
	for _, n := range m.GetNodes() {
		view.Nodes = append(view.Nodes, Node{n.GetId(), n.GetAddr(), n.GetRole()})
	}
	for _, s := range m.GetShards() {
		shard := Shard{ID: int(s.GetId())}
		for _, r := range s.GetReplicas() {
			shard.Replicas = append(shard.Replicas, Replica{r.GetNodeId(), r.GetLeader()})
		}
		view.Shards = append(view.Shards, shard)
	}
	return view
}

// isAnswerToAnother: the first answer under that idempotency key was to another request. Under a key that this client made that
// cannot be, and must never pass for success.
func isAnswerToAnother(result *pb.StreamResult) bool {
	var meta map[string]string
	switch {
	case result.GetPut() != nil:
		meta = result.GetPut().GetMeta()
	case result.GetDelete() != nil:
		meta = result.GetDelete().GetMeta()
	case result.GetBatch() != nil:
		meta = result.GetBatch().GetMeta()
	}
	return meta["idempotent_replay"] == "payload_differs"
}

// statusError is a status inside a stream or batch: the node itself said it.
func statusError(s *pb.Status) *Error {
	e := grpcError(s.GetCode(), s.GetMessage())
	if e.Code == CodeCommitTimeout && !strings.Contains(e.Message, "COMMIT_TIMEOUT") {
		e.Code = CodeDeadlineExceeded
	}
	e.LeaderHint = s.GetLeaderHint()
	e.RetryAfter = time.Duration(s.GetRetryAfterMs()) * time.Millisecond
	return e
}

// grpcError is the status of a call: whoever said it, the node or a layer below.
func grpcError(code uint32, message string) *Error {
	if message == "" {
		message = fmt.Sprintf("gRPC status %d", code)
	}
	return newError(codeOf(code, message), message)
}

func codeOf(code uint32, message string) Code {
	switch code {
	case 1:
		return CodeCancelled
	case 3, 11:
		return CodeInvalidArgument
	case 4: // of a call's deadline nobody knows what was done before it
		return CodeCommitTimeout
	case 6:
		return CodeAlreadyExists
	case 7, 16:
		return CodePermissionDenied
	case 8:
		return CodeOverloaded
	case 9:
		if strings.Contains(message, "Version mismatch") {
			return CodeVersionMismatch
		}
		return CodeFailedPrecondition
	case 12:
		return CodeUnimplemented
	case 14:
		if strings.Contains(message, "NOT_LEADER") {
			return CodeNotLeader
		}
		if strings.Contains(message, "QUORUM_UNAVAILABLE") {
			return CodeQuorumUnavailable
		}
		return CodeUnavailable
	case 15:
		return CodeDataLoss
	}
	return CodeInternal
}
