// Written by embed-proto.cjs from proto/norikv.proto.
export const PROTO = "// The wire contract of NoriKV. Field numbers below 16 are those of existing clients and never change; numbers of our\n" +
  "// own start at 16 except where the contract fixed one. Numbers are never reused.\n" +
  "syntax = \"proto3\";\n" +
  "\n" +
  "package norikv.v1;\n" +
  "\n" +
  "option csharp_namespace = \"NoriKV.Proto.V1\";\n" +
  "option go_package = \"github.com/norikv/norikv-go/proto/norikvv1\";\n" +
  "option java_package = \"com.norikv.proto.v1\";\n" +
  "option java_multiple_files = true;\n" +
  "\n" +
  "// Keys and values.\n" +
  "service Kv {\n" +
  "  rpc Put(PutRequest) returns (PutResponse);\n" +
  "  rpc Get(GetRequest) returns (GetResponse);\n" +
  "  rpc Delete(DeleteRequest) returns (DeleteResponse);\n" +
  "  // Many operations in one call: one result each, atomic per shard. When a condition fails, nothing of its shard's part\n" +
  "  // is written: that operation has its own error, the other writes of the shard FAILED_PRECONDITION \"Not applied…\".\n" +
  "  rpc Batch(BatchRequest) returns (BatchResponse);\n" +
  "  // All pairs of a range or a prefix in key order, streamed in pages.\n" +
  "  rpc Scan(ScanRequest) returns (stream ScanResponse);\n" +
  "  // Pipelined calls with request ids; answers may come in another order. What SDKs use for throughput.\n" +
  "  rpc Stream(stream StreamRequest) returns (stream StreamResponse);\n" +
  "}\n" +
  "\n" +
  "// Topology.\n" +
  "service Meta {\n" +
  "  // The current view at once, then each change.\n" +
  "  rpc WatchCluster(ClusterView) returns (stream ClusterView);\n" +
  "}\n" +
  "\n" +
  "// Operation.\n" +
  "service Admin {\n" +
  "  // Moves the leadership of a shard to the replica marked leader=true; answers the shard after it.\n" +
  "  rpc TransferShard(ShardInfo) returns (ShardInfo);\n" +
  "  // Cuts a snapshot of the shard now; answers the shard after it.\n" +
  "  rpc SnapshotShard(ShardInfo) returns (ShardInfo);\n" +
  "  // The cluster as the leader of the meta group sees it. Any node answers this and all that follows.\n" +
  "  rpc GetClusterStatus(ClusterStatusRequest) returns (ClusterStatus);\n" +
  "  // A wish is answered when it is on record, with the status then, and carried out behind that.\n" +
  "  // Empties a node of replicas.\n" +
  "  rpc DrainNode(DrainNodeRequest) returns (ClusterStatus);\n" +
  "  // A drained or draining node takes replicas again.\n" +
  "  rpc UndrainNode(NodeRequest) returns (ClusterStatus);\n" +
  "  // A drained, empty node is no member any more.\n" +
  "  rpc DecommissionNode(NodeRequest) returns (ClusterStatus);\n" +
  "  // Gives up a node that will not come back; its name may be taken by a node with another store.\n" +
  "  rpc ReplaceNode(NodeRequest) returns (ClusterStatus);\n" +
  "  // Moves the leadership of a shard to a node that has a vote in it.\n" +
  "  rpc MoveLeader(MoveLeaderRequest) returns (ClusterStatus);\n" +
  "  // Moves a replica of a shard from one node to another.\n" +
  "  rpc MoveReplica(MoveReplicaRequest) returns (ClusterStatus);\n" +
  "  // What is wrong with the cluster, with evidence and what to do: asks every node.\n" +
  "  rpc Diagnose(DiagnoseRequest) returns (Diagnosis);\n" +
  "}\n" +
  "\n" +
  "// The entry that wrote a key. Versions of one key strictly increase.\n" +
  "message Version {\n" +
  "  uint64 term = 1;\n" +
  "  uint64 index = 2;\n" +
  "}\n" +
  "\n" +
  "message PutRequest {\n" +
  "  bytes key = 1;\n" +
  "  bytes value = 2;\n" +
  "  // 0: none.\n" +
  "  uint64 ttl_ms = 3;\n" +
  "  // Empty: none.\n" +
  "  string idempotency_key = 4;\n" +
  "  // Present: compare-and-set.\n" +
  "  Version if_match = 5;\n" +
  "  bool if_not_exists = 6;\n" +
  "}\n" +
  "\n" +
  "message PutResponse {\n" +
  "  Version version = 1;\n" +
  "  map<string, string> meta = 2;\n" +
  "}\n" +
  "\n" +
  "message GetRequest {\n" +
  "  bytes key = 1;\n" +
  "  // \"\", linearizable, strong | lease | stale_ok, eventual | bounded, bounded_staleness\n" +
  "  string consistency = 2;\n" +
  "  // For bounded; 0 means 5 s.\n" +
  "  uint64 max_staleness_ms = 3;\n" +
  "}\n" +
  "\n" +
  "// A missing key has no version; a present version says \"found\".\n" +
  "message GetResponse {\n" +
  "  bytes value = 1;\n" +
  "  Version version = 2;\n" +
  "  map<string, string> meta = 3;\n" +
  "}\n" +
  "\n" +
  "message DeleteRequest {\n" +
  "  bytes key = 1;\n" +
  "  string idempotency_key = 2;\n" +
  "  Version if_match = 3;\n" +
  "}\n" +
  "\n" +
  "message DeleteResponse {\n" +
  "  // The key existed.\n" +
  "  bool tombstoned = 1;\n" +
  "  Version version = 2;\n" +
  "  map<string, string> meta = 16;\n" +
  "}\n" +
  "\n" +
  "// The values that the gets of a batch answer are bounded (4 MiB): gets beyond are RESOURCE_EXHAUSTED, each for itself and without\n" +
  "// retry_after_ms: the same batch would end the same. A batch that also writes holds at most 64 gets.\n" +
  "message BatchRequest {\n" +
  "  repeated BatchOperation operations = 1;\n" +
  "  // Refuse with FAILED_PRECONDITION unless all keys lie in one shard.\n" +
  "  bool require_atomic = 2;\n" +
  "  // For the whole batch; empty: none.\n" +
  "  string idempotency_key = 3;\n" +
  "}\n" +
  "\n" +
  "message BatchOperation {\n" +
  "  oneof operation {\n" +
  "    // The idempotency_key of an operation inside a batch must be empty.\n" +
  "    PutRequest put = 1;\n" +
  "    DeleteRequest delete = 2;\n" +
  "    GetRequest get = 3;\n" +
  "  }\n" +
  "}\n" +
  "\n" +
  "message BatchResponse {\n" +
  "  // One for each operation, in its order.\n" +
  "  repeated OperationResult results = 1;\n" +
  "  map<string, string> meta = 2;\n" +
  "}\n" +
  "\n" +
  "message OperationResult {\n" +
  "  oneof result {\n" +
  "    PutResponse put = 1;\n" +
  "    DeleteResponse delete = 2;\n" +
  "    GetResponse get = 3;\n" +
  "    Status error = 4;\n" +
  "  }\n" +
  "}\n" +
  "\n" +
  "// An outcome that is not OK, inside a stream or batch: what the trailers say of a unary call.\n" +
  "message Status {\n" +
  "  // A gRPC status code.\n" +
  "  uint32 code = 1;\n" +
  "  string message = 2;\n" +
  "  // host:port of the leader, where known.\n" +
  "  string leader_hint = 3;\n" +
  "  uint64 retry_after_ms = 4;\n" +
  "}\n" +
  "\n" +
  "message ScanRequest {\n" +
  "  // Inclusive; empty: from the first key.\n" +
  "  bytes start = 1;\n" +
  "  // Exclusive; empty: to the last key.\n" +
  "  bytes end = 2;\n" +
  "  // Instead of start and end.\n" +
  "  bytes prefix = 3;\n" +
  "  bool reverse = 4;\n" +
  "  // Most pairs of this call; 0: no limit. Where more follows, the last page has a token all the same: another call with\n" +
  "  // it goes on there, with a limit of its own.\n" +
  "  uint64 limit = 5;\n" +
  "  // The next_page_token of a page of this very range, prefix and direction; empty: from the beginning.\n" +
  "  bytes page_token = 6;\n" +
  "  string consistency = 7;\n" +
  "  uint64 max_staleness_ms = 8;\n" +
  "  // Leave the values out.\n" +
  "  bool keys_only = 9;\n" +
  "  // Answer only how many pairs there are (in ScanResponse.count), in one page; up to the limit where there is one.\n" +
  "  bool count_only = 10;\n" +
  "}\n" +
  "\n" +
  "message KeyValue {\n" +
  "  bytes key = 1;\n" +
  "  bytes value = 2;\n" +
  "  Version version = 3;\n" +
  "}\n" +
  "\n" +
  "message ScanResponse {\n" +
  "  repeated KeyValue pairs = 1;\n" +
  "  // Set on every page where more may follow, also where the limit ended the call: pass it on to go on behind the last\n" +
  "  // pair of this page. Empty: nothing follows.\n" +
  "  bytes next_page_token = 2;\n" +
  "  // Pairs given by the whole scan so far, those of the calls before its page token included.\n" +
  "  uint64 count = 3;\n" +
  "  map<string, string> meta = 4;\n" +
  "}\n" +
  "\n" +
  "message StreamRequest {\n" +
  "  repeated StreamCall calls = 1;\n" +
  "}\n" +
  "\n" +
  "message StreamCall {\n" +
  "  // Chosen by the client, unique among its calls in flight on this stream.\n" +
  "  uint64 id = 1;\n" +
  "  // Milliseconds from receipt; 0: the stream's own deadline, or 5 s.\n" +
  "  uint32 timeout_ms = 2;\n" +
  "  oneof call {\n" +
  "    PutRequest put = 3;\n" +
  "    GetRequest get = 4;\n" +
  "    DeleteRequest delete = 5;\n" +
  "    BatchRequest batch = 6;\n" +
  "  }\n" +
  "  // W3C trace context of the caller (https://www.w3.org/TR/trace-context/), as the metadata of that name is for a call of its own;\n" +
  "  // empty: the stream's.\n" +
  "  string traceparent = 7;\n" +
  "}\n" +
  "\n" +
  "message StreamResponse {\n" +
  "  repeated StreamResult results = 1;\n" +
  "}\n" +
  "\n" +
  "message StreamResult {\n" +
  "  uint64 id = 1;\n" +
  "  oneof result {\n" +
  "    PutResponse put = 2;\n" +
  "    GetResponse get = 3;\n" +
  "    DeleteResponse delete = 4;\n" +
  "    BatchResponse batch = 5;\n" +
  "    Status error = 6;\n" +
  "  }\n" +
  "}\n" +
  "\n" +
  "message ClusterNode {\n" +
  "  string id = 1;\n" +
  "  // Dialable gRPC address.\n" +
  "  string addr = 2;\n" +
  "  // leader, follower or unknown.\n" +
  "  string role = 3;\n" +
  "}\n" +
  "\n" +
  "message ShardReplica {\n" +
  "  string node_id = 1;\n" +
  "  bool leader = 2;\n" +
  "}\n" +
  "\n" +
  "message ShardInfo {\n" +
  "  uint32 id = 1;\n" +
  "  repeated ShardReplica replicas = 2;\n" +
  "}\n" +
  "\n" +
  "message ClusterView {\n" +
  "  uint64 epoch = 1;\n" +
  "  repeated ClusterNode nodes = 2;\n" +
  "  repeated ShardInfo shards = 3;\n" +
  "  // The immutable settings a client needs to route.\n" +
  "  uint32 total_shards = 16;\n" +
  "  bool hash_tags = 17;\n" +
  "  string cluster_id = 18;\n" +
  "}\n" +
  "\n" +
  "message ClusterStatusRequest {\n" +
  "  // Leave the shards out.\n" +
  "  bool omit_shards = 1;\n" +
  "}\n" +
  "\n" +
  "message NodeRequest {\n" +
  "  string node_id = 1;\n" +
  "}\n" +
  "\n" +
  "message DrainNodeRequest {\n" +
  "  string node_id = 1;\n" +
  "  // Voters of each shard while fewer nodes are left than the cluster is configured for; fewer than those nodes: from now on. 0: as it is.\n" +
  "  uint32 replication_factor = 2;\n" +
  "}\n" +
  "\n" +
  "message MoveLeaderRequest {\n" +
  "  uint32 shard = 1;\n" +
  "  string target_node_id = 2;\n" +
  "}\n" +
  "\n" +
  "message MoveReplicaRequest {\n" +
  "  uint32 shard = 1;\n" +
  "  string source_node_id = 2;\n" +
  "  string target_node_id = 3;\n" +
  "}\n" +
  "\n" +
  "// The cluster as its meta leader sees it.\n" +
  "message ClusterStatus {\n" +
  "  string cluster_id = 1;\n" +
  "  uint32 total_shards = 2;\n" +
  "  // What it is configured for, and what it has.\n" +
  "  uint32 replication_factor = 3;\n" +
  "  uint32 effective_replication_factor = 4;\n" +
  "  uint32 cluster_version = 5;\n" +
  "  // The node that leads the meta group.\n" +
  "  string meta_leader = 6;\n" +
  "  uint64 meta_leader_number = 12;\n" +
  "  uint64 view_epoch = 7;\n" +
  "  // By number; those that are gone included.\n" +
  "  repeated NodeStatus nodes = 8;\n" +
  "  // By number; the meta group behind the last one.\n" +
  "  repeated ShardStatus shards = 9;\n" +
  "  uint32 moves_in_flight = 10;\n" +
  "  // Those that the plan still wants, in flight or not.\n" +
  "  uint32 moves_wanted = 11;\n" +
  "}\n" +
  "\n" +
  "message NodeStatus {\n" +
  "  string id = 1;\n" +
  "  uint64 number = 2;\n" +
  "  string addr = 3;\n" +
  "  string zone = 4;\n" +
  "  // active, draining, decommissioned or replaced.\n" +
  "  string state = 5;\n" +
  "  // Its heartbeat to the meta leader is recent.\n" +
  "  bool live = 6;\n" +
  "  // Since the last one, or since that leader leads.\n" +
  "  uint64 silent_ms = 7;\n" +
  "  // Of data shards.\n" +
  "  uint32 replicas = 8;\n" +
  "  uint32 leaders = 9;\n" +
  "  string store_uuid = 10;\n" +
  "  uint64 joined_unix_ms = 11;\n" +
  "}\n" +
  "\n" +
  "message ShardStatus {\n" +
  "  uint32 id = 1;\n" +
  "  repeated ReplicaPlace replicas = 2;\n" +
  "  // The node that leads it; empty and 0: none is known.\n" +
  "  string leader = 3;\n" +
  "  uint64 leader_number = 6;\n" +
  "  uint64 term = 4;\n" +
  "  // The move under way, in words; empty: none.\n" +
  "  string move = 5;\n" +
  "}\n" +
  "\n" +
  "message ReplicaPlace {\n" +
  "  uint64 replica_id = 1;\n" +
  "  string node_id = 2;\n" +
  "  // It has no vote, or none yet.\n" +
  "  bool learner = 3;\n" +
  "  // The name of a node that was replaced may be another one's by now; its number never is.\n" +
  "  uint64 node_number = 4;\n" +
  "}\n" +
  "\n" +
  "message DiagnoseRequest {}\n" +
  "\n" +
  "// What a node found by asking all of them.\n" +
  "message Diagnosis {\n" +
  "  // Who asked.\n" +
  "  string node_id = 1;\n" +
  "  repeated Finding findings = 2;\n" +
  "  // Members of the cluster, and those that answered.\n" +
  "  repeated string asked = 3;\n" +
  "  repeated string answered = 4;\n" +
  "}\n" +
  "\n" +
  "message Finding {\n" +
  "  // What is wrong: one of the ids of docs/doctor.md.\n" +
  "  string id = 1;\n" +
  "  // critical, warning or info.\n" +
  "  string severity = 2;\n" +
  "  // What it concerns; empty: the cluster.\n" +
  "  string node_id = 3;\n" +
  "  // One sentence.\n" +
  "  string what = 4;\n" +
  "  // The figures behind it.\n" +
  "  string evidence = 5;\n" +
  "  // What to do.\n" +
  "  string advice = 6;\n" +
  "}\n";
