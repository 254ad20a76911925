// Decodes an OTLP request with the official definitions and prints it as JSON: node decode.js traces|metrics FILE
'use strict';
const fs = require('node:fs');
const path = require('node:path');
const protobuf = require('protobufjs');

const [, , signal, file] = process.argv;
const types = {
  traces: ['collector/trace/v1/trace_service.proto', 'trace.v1.ExportTraceServiceRequest'],
  metrics: ['collector/metrics/v1/metrics_service.proto', 'metrics.v1.ExportMetricsServiceRequest'],
};
const protos = path.join(__dirname, 'node_modules/@opentelemetry/otlp-grpc-exporter-base/build/protos');
const root = new protobuf.Root();
root.resolvePath = (_, target) => path.isAbsolute(target) ? target : path.join(protos, target);
root.loadSync(path.join(protos, 'opentelemetry/proto', types[signal][0]));
const type = root.lookupType(`opentelemetry.proto.collector.${types[signal][1]}`);
const message = type.decode(fs.readFileSync(file));
console.log(JSON.stringify(type.toObject(message, { longs: String, enums: String, bytes: String })));
