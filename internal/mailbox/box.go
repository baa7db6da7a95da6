package mailbox

import "sync"

// The bounds of a Box. They keep one owner that is slow, or whose peer floods
// it, from taking the memory of all.
const (
	MaxJobs  = 8192    // jobs that wait
	MaxBytes = 4 << 20 // the sum of the sizes that Post was given
)

// Box keeps one owner's jobs in order. The zero Box is empty and ready. All
// methods are safe for concurrent use; Take is for whoever has the owner from
// Workers. A Box must not be copied after its first use.
type Box[J any] struct {
	mu     sync.Mutex
	newest *element[J] // whose next is the oldest: a ring; nil = nothing is there
	count  int32
	bytes  int32
	busy   bool // the owner waits in Workers or runs
}

// element is one job in a box.
type element[J any] struct {
	next *element[J]
	job  J
	size int32
}

// elements are those that are in no box. A program has one kind of job, so an element of another
// kind is rare and is left to the garbage collector.
var elements sync.Pool

func newElement[J any]() *element[J] {
	if e, ok := elements.Get().(*element[J]); ok {
		return e
	}
	return new(element[J])
}

// Post puts j behind the other jobs. size, in bytes, counts against MaxBytes. Post takes j unless
// ok is false because the box is full; then the caller keeps it. A job that must be done is always
// taken, and so is a job of any size when the box is empty. wake tells the caller to give the owner
// to Workers.Add.
func (b *Box[J]) Post(j J, size int, must bool) (ok, wake bool) {
	e := newElement[J]()
	e.job, e.size = j, int32(size)
	b.mu.Lock()
	full := b.count >= MaxJobs || b.count > 0 && int(b.bytes)+size > MaxBytes
	if full && !must {
		b.mu.Unlock()
		e.free()
		return false, false
	}
	b.push(e)
	wake = !b.busy
	b.busy = true
	b.mu.Unlock()
	return true, wake
}

// push puts e behind the others. mu is held.
func (b *Box[J]) push(e *element[J]) {
	if b.newest == nil {
		e.next = e
	} else {
		e.next = b.newest.next
		b.newest.next = e
	}
	b.newest = e
	b.count++
	b.bytes += e.size
}

// Take moves the oldest job to j, which the caller owns. When there is none, it
// reports false and the box is idle: the owner has left the caller's hands.
func (b *Box[J]) Take(j *J) bool {
	b.mu.Lock()
	if b.newest == nil {
		b.busy = false
		b.mu.Unlock()
		return false
	}
	e := b.newest.next
	if e == b.newest {
		b.newest = nil
	} else {
		b.newest.next = e.next
	}
	b.count--
	b.bytes -= e.size
	b.mu.Unlock()
	*j = e.job
	e.free()
	return true
}

// Discard removes the jobs that wait and for which drop reports true. The order of the others
// stays. drop runs under the Box's lock; it borrows the job, and gives back what belongs to it.
func (b *Box[J]) Discard(drop func(*J) bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	n, e := b.count, (*element[J])(nil)
	if n > 0 {
		e = b.newest.next
	}
	b.newest, b.count, b.bytes = nil, 0, 0
	for range n {
		next := e.next
		if drop(&e.job) {
			e.free()
		} else {
			b.push(e)
		}
		e = next
	}
}

// free makes the element usable for another job. It keeps nothing of this one.
func (e *element[J]) free() {
	*e = element[J]{}
	elements.Put(e)
}

// Bytes returns the sum of the sizes of the jobs that wait.
func (b *Box[J]) Bytes() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return int(b.bytes)
}

// Idle reports whether no job waits and none runs.
func (b *Box[J]) Idle() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return !b.busy
}
