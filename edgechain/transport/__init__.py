"""The wire: frames, chunks, streams, links and the one port. The only door to gRPC."""
