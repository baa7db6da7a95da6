package pool_test

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/smartsocket/smartsocket/pool"
)

// payloads returns what games send, made from a fixed seed. docs/COMPRESSION.md has the table that
// BenchmarkLevels makes of them.
func payloads() []struct {
	name string
	p    []byte
} {
	r := rand.New(rand.NewPCG(7, 11))
	word := func() string {
		words := []string{"ready", "push", "left", "flank", "base", "gg", "wait", "for", "me", "at",
			"the", "bridge", "they", "have", "two", "snipers", "nice", "shot"}
		return words[r.IntN(len(words))]
	}
	chat := fmt.Sprintf(`{"from":"player%04d","room":"arena-7","at":17365%08d,"text":"%s %s %s %s `+
		`%s"}`, r.IntN(1e4), r.IntN(1e8), word(), word(), word(), word(), word())
	for len(chat) < 120 {
		chat = chat[:len(chat)-2] + "!" + chat[len(chat)-2:]
	}
	type entity struct {
		ID    int     `json:"id"`
		X     float64 `json:"x"`
		Y     float64 `json:"y"`
		HP    int     `json:"hp"`
		State string  `json:"state"`
	}
	var entities []entity
	for i := range 17 {
		entities = append(entities, entity{1000 + i, float64(r.IntN(1e6)) / 100,
			float64(r.IntN(1e6)) / 100, r.IntN(101), []string{"idle", "run", "attack"}[r.IntN(3)]})
	}
	state, _ := json.Marshal(map[string]any{"tick": 48213, "entities": entities})
	type rank struct {
		Rank   int     `json:"rank"`
		Player string  `json:"player"`
		Score  int     `json:"score"`
		KD     float64 `json:"kd"`
	}
	var ranks []rank
	for i := range 76 {
		ranks = append(ranks, rank{i + 1, fmt.Sprintf("%s_%s%d", word(), word(), r.IntN(1000)),
			98000 - 700*i - r.IntN(700), float64(r.IntN(400)) / 100})
	}
	board, _ := json.Marshal(map[string]any{"leaderboard": ranks})
	// 512 entities of 32 bytes: id, flags, position, velocity, health, as a game's own encoder
	// packs them.
	var world []byte
	for i := range 512 {
		world = binary.LittleEndian.AppendUint32(world, uint32(1000+i))
		world = binary.LittleEndian.AppendUint32(world, uint32(r.IntN(8)))
		for range 2 {
			world = binary.LittleEndian.AppendUint32(world, uint32(r.IntN(1_000_000)))
		}
		for range 2 {
			world = binary.LittleEndian.AppendUint32(world, uint32(int32(r.IntN(200)-100)))
		}
		world = binary.LittleEndian.AppendUint64(world, uint64(r.IntN(101)))
	}
	noise := make([]byte, 4096)
	for i := range noise {
		noise[i] = byte(r.Uint32())
	}
	return []struct {
		name string
		p    []byte
	}{{"chat", []byte(chat)}, {"state", state}, {"leaderboard", board}, {"world", world},
		{"random", noise}}
}

// BenchmarkLevels compresses each payload at each level. left-% is the compressed size in percent.
func BenchmarkLevels(b *testing.B) {
	for _, c := range payloads() {
		for level := 1; level <= 9; level++ {
			b.Run(fmt.Sprintf("%s-%d/level=%d", c.name, len(c.p), level), func(b *testing.B) {
				out := make([]byte, 0, 2*len(c.p)+64)
				var n int
				for b.Loop() {
					p, err := pool.Deflate(out[:0], c.p, level, false)
					if err != nil {
						b.Fatal(err)
					}
					n = len(p)
				}
				b.ReportMetric(100*float64(n)/float64(len(c.p)), "left-%")
			})
		}
	}
}

// BenchmarkInflateLevel6 measures the way back.
func BenchmarkInflateLevel6(b *testing.B) {
	for _, c := range payloads() {
		b.Run(fmt.Sprintf("%s-%d", c.name, len(c.p)), func(b *testing.B) {
			p, err := pool.Deflate(nil, c.p, 6, false)
			if err != nil {
				b.Fatal(err)
			}
			out := make([]byte, 0, 2*len(c.p)+64)
			for b.Loop() {
				if _, err := pool.Inflate(out[:0], p, 1<<20, false); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
