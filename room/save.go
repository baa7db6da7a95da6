package room

import "sync"

// Save has Options.Save asked in the room's next turn.
func (r *Room[S]) Save() { r.Do((*Room[S]).save) }

// save asks Options.Save.
func (r *Room[S]) save() {
	k := r.rooms
	if k.opts.Save == nil {
		return
	}
	write := k.opts.Save(r)
	if write == nil {
		return
	}
	if r.writer == nil {
		r.writer = new(writer)
	}
	w := r.writer
	w.mu.Lock()
	defer w.mu.Unlock()
	w.next = write // a newer one takes the place of one that has not begun
	if w.busy {
		return
	}
	w.busy = true
	k.writes.Go(func() {
		for write := w.take(); write != nil; write = w.take() {
			if err := r.written(write); err != nil {
				k.stats.saveErrors.Add(1)
				k.log.Error("a room could not be saved", "room", r.hall, "error", err)
			}
		}
	})
}

// writer has what is to be written of a room.
type writer struct {
	mu   sync.Mutex
	busy bool
	next func() error
}

// take is the next thing to write, nil if there is none.
func (w *writer) take() func() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	write := w.next
	w.next, w.busy = nil, write != nil
	return write
}

// written runs write and makes an error of its panic.
func (r *Room[S]) written(write func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = &panicError{p}
		}
	}()
	return write()
}
