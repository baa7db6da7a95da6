package admission

import "time"

// pace limits the connections accepted per second. It is a bucket that holds one second's worth, so
// that many may come at once. The gate's lock guards it.
type pace struct {
	left float64
	at   time.Duration // 0 = nobody came yet
}

// allow takes a place and reports whether there was one.
func (p *pace) allow(rate int, now time.Duration) bool {
	most := float64(rate)
	if p.at == 0 {
		p.left = most
	}
	p.left = min(p.left+most*(now-p.at).Seconds(), most)
	p.at = max(now, 1)
	if p.left < 1 {
		return false
	}
	p.left--
	return true
}
