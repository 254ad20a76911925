"""Generated from proto/norikv.proto: protoc -I proto --python_out=sdks/python/norikv/_proto norikv.proto"""
