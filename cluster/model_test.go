package cluster

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
)

func stacks() string {
	buf := make([]byte, 1<<20)
	return string(buf[:runtime.Stack(buf, true)])
}

// modelled is a client as the model sees it.
type modelled struct {
	*user
	node  int
	rooms map[string]bool
	sent  []string // what it must have received
}

// Random joins, leaves and broadcasts on three nodes are compared with a simple model. Every client
// gets what is meant for it once, in the order of the emits, and nothing else.
func TestModelOfRooms(t *testing.T) {
	_, nodes := startCluster(t, 3)
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	var all []*modelled
	for i := range 12 {
		all = append(all, &modelled{user: nodes[i%3].dial("/"), node: i % 3,
			rooms: make(map[string]bool)})
	}
	room := func() string { return fmt.Sprintf("room-%d", rng.IntN(5)) }
	// name returns a room or a client's id.
	name := func() string {
		if rng.IntN(4) == 0 {
			return all[rng.IntN(len(all))].name
		}
		return room()
	}
	names := func() (list []string) {
		for range rng.IntN(3) {
			list = append(list, name())
		}
		return list
	}
	emitted, settled := 0, 0
	// settle waits until everyone has received everything. Joins apply to what is emitted later,
	// and nodes do not wait for each other.
	settle := func() {
		for i, n := range nodes {
			emit(t, n.server, "end", fmt.Sprintf("%d of %d", settled, i))
		}
		settled++
		for _, m := range all {
			ends := 0
			byNode := make([][]string, len(nodes))
			for ends < len(nodes) {
				text := m.next()
				if strings.HasPrefix(text, "end") {
					ends++
					continue
				}
				from := int(text[len("msg ")+1] - '0')
				byNode[from] = append(byNode[from], text)
			}
			for from, got := range byNode {
				var want []string
				for _, text := range m.sent {
					if int(text[len("msg ")+1]-'0') == from {
						want = append(want, text)
					}
				}
				if !slices.Equal(got, want) {
					t.Fatalf("seed %d: client on node %d got %q from node %d, want %q", seed,
						m.node, got, from, want)
				}
			}
			m.sent = nil
		}
	}
	for range 150 {
		for range rng.IntN(3) {
			m, r := all[rng.IntN(len(all))], room()
			if rng.IntN(3) == 0 {
				m.ask("leave", r)
				delete(m.rooms, r)
			} else {
				m.ask("join", r)
				m.rooms[r] = true
			}
		}
		for range rng.IntN(10) {
			from := rng.IntN(len(nodes))
			ns := nodes[from].server.Namespace("/")
			to, except := names(), names()
			target := ns.Except(except...)
			if len(to) > 0 {
				target = target.To(to...)
			}
			var out *modelled
			if m := all[rng.IntN(len(all))]; m.node == from && rng.IntN(2) == 0 {
				out = m
				target = target.ExceptSocket(ns.Socket(m.name))
			}
			text := fmt.Sprintf("%d:%d", from, emitted)
			emitted++
			emit(t, target, "msg", text)
			for _, m := range all {
				in := func(list []string) bool {
					return slices.ContainsFunc(list, func(n string) bool {
						return n == m.name || m.rooms[n]
					})
				}
				if (len(to) == 0 || in(to)) && !in(except) && m != out {
					m.sent = append(m.sent, fmt.Sprintf("msg %q", text))
				}
			}
		}
		settle()
	}
	t.Logf("%d broadcasts", emitted)
	for i, n := range nodes {
		if st := n.cluster.Stats(); st.Lost+st.Gaps+st.Invalid+st.Duplicates != 0 {
			t.Errorf("node %d: %+v", i, st)
		}
	}
}

// Whatever many publishers do at once, the broadcasts of each arrive on every node in its order.
func TestOrderPerPublisher(t *testing.T) {
	_, nodes := startCluster(t, 3)
	const publishers, each = 4, 300 // on every node
	var users []*user
	for _, n := range nodes {
		users = append(users, n.dial("/", "room"))
	}
	var wg sync.WaitGroup
	for i, n := range nodes {
		for p := range publishers {
			wg.Go(func() {
				for k := range each {
					target := n.server.To("room")
					if k%3 == 0 {
						target = n.server.Namespace("/").Except("nowhere")
					}
					if _, err := target.Emit("msg", []int{i*publishers + p, k}); err != nil {
						t.Error(err)
					}
				}
			})
		}
	}
	wg.Wait()
	for i, u := range users {
		next := make([]int, len(nodes)*publishers)
		for range len(next) * each {
			var p, k int
			if text := u.next(); scan(text, &p, &k) != nil || k != next[p] {
				t.Fatalf("client of node %d got %q, want number %d of publisher %d", i, text,
					next[p], p)
			}
			next[p]++
		}
	}
	for _, n := range nodes {
		want := int64((len(nodes) - 1) * publishers * each)
		n.settles("all and nothing else", func(st Stats) bool {
			return st.Received == want && st.Lost+st.Gaps+st.Duplicates == 0
		})
	}
}

func scan(text string, p, k *int) error {
	_, err := fmt.Sscanf(text, "msg [%d,%d]", p, k)
	return err
}
