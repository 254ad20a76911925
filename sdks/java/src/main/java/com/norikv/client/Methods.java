package com.norikv.client;

import com.google.protobuf.Message;
import com.norikv.proto.v1.BatchRequest;
import com.norikv.proto.v1.BatchResponse;
import com.norikv.proto.v1.ClusterView;
import com.norikv.proto.v1.DeleteRequest;
import com.norikv.proto.v1.DeleteResponse;
import com.norikv.proto.v1.GetRequest;
import com.norikv.proto.v1.GetResponse;
import com.norikv.proto.v1.PutRequest;
import com.norikv.proto.v1.PutResponse;
import com.norikv.proto.v1.ScanRequest;
import com.norikv.proto.v1.ScanResponse;
import com.norikv.proto.v1.StreamRequest;
import com.norikv.proto.v1.StreamResponse;
import io.grpc.MethodDescriptor;
import io.grpc.MethodDescriptor.MethodType;
import io.grpc.protobuf.ProtoUtils;

/** The methods of the contract. By hand, so that no stub is generated and the messages are all that protoc makes. */
final class Methods {
    static final MethodDescriptor<PutRequest, PutResponse> PUT =
        of(MethodType.UNARY, "norikv.v1.Kv/Put", PutRequest.getDefaultInstance(), PutResponse.getDefaultInstance());
    static final MethodDescriptor<GetRequest, GetResponse> GET =
        of(MethodType.UNARY, "norikv.v1.Kv/Get", GetRequest.getDefaultInstance(), GetResponse.getDefaultInstance());
    static final MethodDescriptor<DeleteRequest, DeleteResponse> DELETE =
        of(MethodType.UNARY, "norikv.v1.Kv/Delete", DeleteRequest.getDefaultInstance(), DeleteResponse.getDefaultInstance());
    static final MethodDescriptor<BatchRequest, BatchResponse> BATCH =
        of(MethodType.UNARY, "norikv.v1.Kv/Batch", BatchRequest.getDefaultInstance(), BatchResponse.getDefaultInstance());
    static final MethodDescriptor<ScanRequest, ScanResponse> SCAN =
        of(MethodType.SERVER_STREAMING, "norikv.v1.Kv/Scan", ScanRequest.getDefaultInstance(), ScanResponse.getDefaultInstance());
    static final MethodDescriptor<StreamRequest, StreamResponse> STREAM =
        of(MethodType.BIDI_STREAMING, "norikv.v1.Kv/Stream", StreamRequest.getDefaultInstance(), StreamResponse.getDefaultInstance());
    static final MethodDescriptor<ClusterView, ClusterView> WATCH = of(
        MethodType.SERVER_STREAMING, "norikv.v1.Meta/WatchCluster", ClusterView.getDefaultInstance(), ClusterView.getDefaultInstance());
    // grpc.health.v1 by hand: its empty request is our empty message; the status is field 1, a number, unknown to ours.
    static final MethodDescriptor<StreamRequest, StreamRequest> HEALTH = of(
        MethodType.UNARY, "grpc.health.v1.Health/Check", StreamRequest.getDefaultInstance(), StreamRequest.getDefaultInstance());

    private Methods() {
    }

    private static <A extends Message, B extends Message> MethodDescriptor<A, B> of(MethodType type, String name, A request, B response) {
        return MethodDescriptor.<A, B>newBuilder()
            .setType(type).setFullMethodName(name)
            .setRequestMarshaller(ProtoUtils.marshaller(request)).setResponseMarshaller(ProtoUtils.marshaller(response)).build();
    }
}
