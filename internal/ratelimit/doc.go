// Package ratelimit decides how many events may pass in a time. It sends
// nothing and reads no clock: its caller gives the time and acts on the answer.
//
// A Window is a sliding window, cut into slices that are counted:
//
//	           |<------------------ Limit.Window ------------------>|
//	|  3  |  0  |  1  |  ...  31 slices in the past ...  |  2  |  1 ^
//	 forgotten                                                now, the current slice
//
// The Windows of one owner are one Window for all events together and one for each event that has a
// limit of its own. Rules says which events have. Reading order: window.go, windows.go, rules.go.
//
// Windows.mu and Rules.mu are leaves, held for memory work only.
package ratelimit
