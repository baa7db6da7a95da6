package cluster

import (
	"strings"
	"testing"
)

// Nodes of other builds find each other by these names, so they must not change unnoticed.
func TestSubjectsAreGolden(t *testing.T) {
	s := newSubjects("shop")
	for _, x := range []struct{ got, want string }{
		{s.presence, "smartsocket.v1.2361f9c3bd8578b3c58c02be5d199aee.nodes"},
		{s.shards[0], "smartsocket.v1.2361f9c3bd8578b3c58c02be5d199aee.00"},
		{s.shards[63], "smartsocket.v1.2361f9c3bd8578b3c58c02be5d199aee.3f"},
	} {
		if x.got != x.want {
			t.Errorf("got %q, want %q", x.got, x.want)
		}
	}
	if len(s.shards) != 64 {
		t.Errorf("%d shards", len(s.shards))
	}
	for namespace, want := range map[string]int{"/": 10, "/chat": 46, "/a.b.*.>": 22} {
		if got := s.shardOf(namespace); got != want {
			t.Errorf("%q is in shard %d, want %d", namespace, got, want)
		}
	}
}

// Each subject is one, and no name reaches those of another cluster.
func TestSubjectsOfAClusterAreItsOwn(t *testing.T) {
	seen := make(map[string]bool)
	for _, cluster := range []string{"", "a", "b", "a.b", "*", ">", "a.>"} {
		s := newSubjects(cluster)
		for _, subject := range append(s.shards[:], s.presence) {
			if seen[subject] {
				t.Errorf("cluster %q: the subject %q is taken", cluster, subject)
			}
			seen[subject] = true
			if strings.ContainsAny(subject, "*> ") || strings.Count(subject, ".") != 3 {
				t.Errorf("cluster %q: subject %q", cluster, subject)
			}
		}
	}
	s := newSubjects("a")
	used := make(map[int]bool)
	for i := range 10_000 {
		used[s.shardOf("/"+strings.Repeat("x", i%100)+string(rune('a'+i%26)))] = true
	}
	if len(used) != shardCount {
		t.Errorf("only %d shards are used", len(used))
	}
}
