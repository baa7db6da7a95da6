package room

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
	k.mu.Lock()
	defer k.mu.Unlock()
	w := k.writing[r.name]
	if w != nil {
		w.next = write // a newer one takes the place of one that has not begun
		return
	}
	w = &writer{next: write, done: make(chan struct{})}
	k.writing[r.name] = w
	k.writes.Go(func() { k.write(r.name, w) })
}

// write writes until nothing is left.
func (k *Rooms[S]) write(name string, w *writer) {
	done := false
	defer func() {
		if !done { // what Save has returned has ended this goroutine
			k.writes.Go(func() { k.write(name, w) })
		}
	}()
	for write := k.toWrite(name, w); write != nil; write = k.toWrite(name, w) {
		if err := guardedWrite(write); err != nil {
			k.stats.saveErrors.Add(1)
			k.log.Error("a room could not be saved", "room", k.opts.Name+":"+name, "error", err)
		}
	}
	done = true
}

// writer has what is to be written of the rooms of one name, guarded by Rooms.mu.
type writer struct {
	next func() error
	done chan struct{} // closed when nothing is left
}

// toWrite is the next thing to write. If there is none, the writer's work is done.
func (k *Rooms[S]) toWrite(name string, w *writer) func() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	write := w.next
	if w.next = nil; write == nil {
		delete(k.writing, name)
		close(w.done)
	}
	return write
}

// written waits until what earlier rooms of this name have saved is written, so that Load finds it.
func (k *Rooms[S]) written(name string) {
	k.mu.Lock()
	w := k.writing[name]
	k.mu.Unlock()
	if w != nil {
		<-w.done
	}
}

// guardedWrite runs write and makes an error of its panic.
func guardedWrite(write func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = &panicError{p}
		}
	}()
	return write()
}
