//go:build tools

// Package tools pins grpcurl, a client of gRPC for the command line: go.sum has the hashes of all that it is built of.
package tools

import _ "github.com/fullstorydev/grpcurl/cmd/grpcurl"
