// SPDX-License-Identifier: Apache-2.0

// A server that greets, and tells how many root certificates its image trusts.
package main

import (
	"encoding/json"
	"log"
	"net/http"
	"os"
	"strings"
)

type answer struct {
	Hello  string `json:"hello"`
	Path   string `json:"path"`
	Trusts int    `json:"trusts"`
}

func trusts() int {
	bundle, err := os.ReadFile("/etc/ssl/certs/ca-certificates.crt")
	if err != nil {
		return 0
	}
	return strings.Count(string(bundle), "BEGIN CERTIFICATE")
}

func main() {
	http.HandleFunc("/", func(writer http.ResponseWriter, request *http.Request) {
		writer.Header().Set("Content-Type", "application/json")
		json.NewEncoder(writer).Encode(answer{Hello: "from go", Path: request.URL.Path, Trusts: trusts()})
	})
	log.Println("listening on port 8081")
	log.Fatal(http.ListenAndServe(":8081", nil))
}
