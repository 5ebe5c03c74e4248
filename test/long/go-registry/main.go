// SPDX-License-Identifier: Apache-2.0

// A registry with the referrers API, by go-containerregistry: `go-registry PORT` serves on 127.0.0.1, in memory.
package main

import (
	"io"
	"log"
	"net/http"
	"os"

	"github.com/google/go-containerregistry/pkg/registry"
)

func main() {
	handler := registry.New(registry.WithReferrersSupport(true), registry.Logger(log.New(io.Discard, "", 0)))
	log.Fatal(http.ListenAndServe("127.0.0.1:"+os.Args[1], handler))
}
