// SPDX-License-Identifier: Apache-2.0

// Makes eStargz blobs of tars by the reference implementation, for test/long/estargz.ts:
// go run . [-wrap] [-rewrite] [-chunk N] [-min-chunk N] [-first NAME,...] TAR BLOB
package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/containerd/stargz-snapshotter/estargz"
)

func main() {
	wrap := flag.Bool("wrap", false, "keep the tar as it is, as BuildKit does, instead of writing it anew")
	anew := flag.Bool("rewrite", false, "let Go write the tar first, as container engines do")
	chunk := flag.Int("chunk", 0, "bytes of a chunk")
	minChunk := flag.Int("min-chunk", 0, "bytes that a gzip member has at least")
	first := flag.String("first", "", "files to be put first")
	flag.Parse()
	raw, err := os.ReadFile(flag.Arg(0))
	must(err)
	if *anew {
		raw = rewrite(raw)
	}
	var blob []byte
	var tocDigest string
	if *wrap {
		blob, tocDigest = wrapTar(raw, *chunk, *minChunk)
	} else {
		options := []estargz.Option{estargz.WithChunkSize(*chunk), estargz.WithMinChunkSize(*minChunk)}
		options = append(options, estargz.WithParallelism(2))
		if *first != "" {
			options = append(options, estargz.WithPrioritizedFiles(strings.Split(*first, ",")))
		}
		blob, tocDigest = build(raw, options)
	}
	must(os.WriteFile(flag.Arg(1), blob, 0o644))
	report(blob, tocDigest)
}

func rewrite(raw []byte) []byte {
	var out bytes.Buffer
	reader, writer := tar.NewReader(bytes.NewReader(raw)), tar.NewWriter(&out)
	for {
		header, err := reader.Next()
		if err == io.EOF {
			must(writer.Close())
			return out.Bytes()
		}
		must(err)
		header.Format = tar.FormatPAX
		must(writer.WriteHeader(header))
		_, err = io.Copy(writer, reader)
		must(err)
	}
}

func build(raw []byte, options []estargz.Option) ([]byte, string) {
	made, err := estargz.Build(io.NewSectionReader(bytes.NewReader(raw), 0, int64(len(raw))), options...)
	must(err)
	blob, err := io.ReadAll(made)
	must(err)
	must(made.Close())
	return blob, made.TOCDigest().String()
}

func wrapTar(raw []byte, chunk int, minChunk int) ([]byte, string) {
	var out bytes.Buffer
	writer := estargz.NewWriter(&out)
	writer.ChunkSize = chunk
	writer.MinChunkSize = minChunk
	must(writer.AppendTarLossLess(bytes.NewReader(raw)))
	tocDigest, err := writer.Close()
	must(err)
	return out.Bytes(), tocDigest.String()
}

func report(blob []byte, tocDigest string) {
	reader, err := gzip.NewReader(bytes.NewReader(blob))
	must(err)
	hash := sha256.New()
	size, err := io.Copy(hash, reader)
	must(err)
	must(json.NewEncoder(os.Stdout).Encode(map[string]any{
		"diffId": fmt.Sprintf("sha256:%x", hash.Sum(nil)), "tocDigest": tocDigest, "tarBytes": size,
	}))
}

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
