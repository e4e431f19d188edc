//go:build tools

// Package tools pins versitygw, an S3 server over a folder: go.sum has the hashes of all that it is built of.
package tools

import _ "github.com/versity/versitygw/cmd/versitygw"
