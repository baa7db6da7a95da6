package state

type (
	holding struct{}
	kept    struct{}
)
