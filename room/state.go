package room

type view struct{}

func (r *Room[S]) show(m *Member)       {}
func (r *Room[S]) forgetView(m *Member) {}
func (r *Room[S]) sendEnd(m *Member)    {}
func (r *Room[S]) commit()              {}
