// Writes Trivy's database (one bbolt file) from lines of JSON on standard input:
// {"path": ["npm::source", "lodash"], "key": "GHSA-...", "value": {...}}.
//
// Debian carries the library (golang-github-coreos-bbolt-dev):
// GO111MODULE=off GOPATH=/usr/share/gocode go build -o write write.go
package main

import (
	"bufio"
	"encoding/json"
	"log"
	"os"

	"go.etcd.io/bbolt"
)

type line struct {
	Path  []string        `json:"path"`
	Key   string          `json:"key"`
	Value json.RawMessage `json:"value"`
}

func put(tx *bbolt.Tx, entry line) error {
	bucket, err := tx.CreateBucketIfNotExists([]byte(entry.Path[0]))
	for _, name := range entry.Path[1:] {
		if err != nil {
			return err
		}
		bucket, err = bucket.CreateBucketIfNotExists([]byte(name))
	}
	if err != nil {
		return err
	}
	return bucket.Put([]byte(entry.Key), entry.Value)
}

func main() {
	db, err := bbolt.Open(os.Args[1], 0o644, nil)
	if err != nil {
		log.Fatal(err)
	}
	db.NoSync = true
	err = db.Update(func(tx *bbolt.Tx) error {
		decoder := json.NewDecoder(bufio.NewReaderSize(os.Stdin, 1<<20))
		for decoder.More() {
			var entry line
			if err := decoder.Decode(&entry); err != nil {
				return err
			}
			if err := put(tx, entry); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		log.Fatal(err)
	}
	if err := db.Close(); err != nil {
		log.Fatal(err)
	}
}
