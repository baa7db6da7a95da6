package cluster

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
)

// shardCount is how many subjects the namespaces of a cluster share. It bounds the number of
// subscriptions however many namespaces there are. What one shard carries arrives in sequence.
const shardCount = 64

// subjects are the names under which a cluster talks. They are hashes, so a name that contains dots
// or wildcards cannot reach anything else on the NATS server.
type subjects struct {
	shards   [shardCount]string
	presence string
}

func newSubjects(cluster string) subjects {
	sum := sha256.Sum256([]byte("smartsocket cluster\x00" + cluster))
	prefix := "smartsocket.v1." + hex.EncodeToString(sum[:16]) + "."
	s := subjects{presence: prefix + "nodes"}
	for i := range s.shards {
		s.shards[i] = prefix + fmt.Sprintf("%02x", i)
	}
	return s
}

func (s *subjects) shardOf(namespace string) int {
	sum := sha256.Sum256([]byte(namespace))
	return int(sum[0] % shardCount)
}
