// Package hub knows who is where in one namespace: the members by id, the rooms
// they are in, and the selections that broadcasts send to. It sends nothing and
// knows nothing of sockets: a member is any value that has a Place.
//
//	Directory ────> member by id, of all hubs
//	 ↑
//	Hub ── all ───> group: every member     <── Place.index is the position there
//	 │
//	 └─── rooms ─> room "arena" ─> group   <── Place.seats holds, for each room of
//	               room "red"   ─> group       the member, the position there
//
// A member carries its own positions, so that joining, leaving and removing cost the same however
// many members there are: the last of a group moves to the place that becomes free. Costs grow with
// the rooms of one member, at most MaxRooms. A room costs its group and nothing else.
//
// # Lent lists
//
// A broadcast walks a group without a lock and without a copy. The hub lends it the list, and a
// list that was lent is never written to again: the next change other than an addition copies it
// first. An addition needs no copy, because readers do not look past the length they were given.
//
// # Locks
//
// Hub.mu guards everything, the Places of its members included. It is held for memory work only.
// Under it the locks of the Directory's shards are taken, which are leaves. The functions that New
// and NewDirectory take must not take a lock.
//
// # Reading order
//
// place.go for what a member carries and how a group changes, directory.go for ids, hub.go for
// members that come, go and join rooms, selection.go for those that a broadcast addresses.
package hub
