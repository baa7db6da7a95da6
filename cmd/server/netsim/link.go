package netsim

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Link describes a network, alike in both directions. The zero Link changes nothing.
type Link struct {
	Delay     time.Duration `json:"delay"`     // one way
	Jitter    time.Duration `json:"jitter"`    // a segment takes Delay ± Jitter, evenly spread
	Loss      float64       `json:"loss"`      // the share of segments that are lost, 0 to below 1
	Bandwidth int64         `json:"bandwidth"` // bits a second in each direction; 0 = no limit
}

// links are the networks that have names. The figures are those of an ordinary hour, not the best.
var links = map[string]Link{
	"lan":       {Delay: 200 * time.Microsecond, Jitter: 100 * time.Microsecond},
	"fiber":     {Delay: 8 * time.Millisecond, Jitter: time.Millisecond, Bandwidth: 100e6},
	"wifi":      {15 * time.Millisecond, 10 * time.Millisecond, 0.002, 30e6},
	"4g":        {30 * time.Millisecond, 15 * time.Millisecond, 0.005, 12e6},
	"3g":        {100 * time.Millisecond, 40 * time.Millisecond, 0.01, 1.5e6},
	"satellite": {300 * time.Millisecond, 20 * time.Millisecond, 0.005, 10e6},
}

// maxTime bounds a delay. More is a mistake.
const maxTime = time.Minute

// Parse reads a network: one of the names lan, fiber, wifi, 4g, 3g and satellite, or what it does,
// as in "delay=40ms,jitter=10ms,loss=1%,bandwidth=2mbit", or a name and what differs. "" is the
// zero Link. The error says what to write instead.
func Parse(text string) (Link, error) {
	var l Link
	for i, part := range strings.Split(text, ",") {
		part = strings.TrimSpace(part)
		name, value, given := strings.Cut(part, "=")
		if !given {
			named, known := links[part]
			switch {
			case part == "" && text == "":
				return l, nil
			case !known || i > 0:
				return l, fmt.Errorf("%q is no network: write one of %s, or what it does, as in "+
					"delay=40ms,jitter=10ms,loss=1%%,bandwidth=2mbit", part,
					strings.Join(slices.Sorted(maps.Keys(links)), ", "))
			}
			l = named
			continue
		}
		if err := l.set(strings.TrimSpace(name), strings.TrimSpace(value)); err != nil {
			return l, err
		}
	}
	if l.Jitter > l.Delay {
		return l, fmt.Errorf("a jitter of %v is more than the delay of %v: nothing arrives before "+
			"it was sent, so give a delay as long as the jitter", l.Jitter, l.Delay)
	}
	return l, nil
}

// set sets one of the four properties.
func (l *Link) set(name, value string) (err error) {
	switch name {
	case "delay":
		l.Delay, err = parseTime(value)
	case "jitter":
		l.Jitter, err = parseTime(value)
	case "loss":
		l.Loss, err = parseShare(value)
	case "bandwidth":
		l.Bandwidth, err = parseBits(value)
	default:
		return fmt.Errorf("a network has no %q: write delay, jitter, loss or bandwidth", name)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

func parseTime(text string) (time.Duration, error) {
	d, err := time.ParseDuration(text)
	if err != nil || d < 0 || d > maxTime {
		return 0, fmt.Errorf("%q is no time of up to a minute: write it as in 40ms", text)
	}
	return d, nil
}

func parseShare(text string) (float64, error) {
	number, percent := strings.CutSuffix(text, "%")
	x, err := strconv.ParseFloat(number, 64)
	if percent {
		x /= 100
	}
	if err != nil || !(x >= 0 && x <= 0.5) {
		return 0, fmt.Errorf("%q is no share of up to half: write it as in 1%%", text)
	}
	return x, nil
}

func parseBits(text string) (int64, error) {
	number, factor := strings.ToLower(text), 1.0
	for unit, f := range map[string]float64{"kbit": 1e3, "mbit": 1e6, "gbit": 1e9} {
		if cut, ok := strings.CutSuffix(number, unit); ok {
			number, factor = cut, f
		}
	}
	x, err := strconv.ParseFloat(number, 64)
	if x *= factor; err != nil || !(x >= 8e3 && x <= 1e12) {
		return 0, fmt.Errorf("%q is no bandwidth from 8kbit: write bits a second, as in 500kbit "+
			"or 2mbit", text)
	}
	return int64(x), nil
}

// String returns the properties as Parse reads them, "" for the zero Link.
func (l Link) String() string {
	var parts []string
	if l.Delay > 0 {
		parts = append(parts, "delay="+l.Delay.String())
	}
	if l.Jitter > 0 {
		parts = append(parts, "jitter="+l.Jitter.String())
	}
	if l.Loss > 0 {
		parts = append(parts, "loss="+strconv.FormatFloat(100*l.Loss, 'g', 6, 64)+"%")
	}
	if l.Bandwidth > 0 {
		kilobits := strconv.FormatFloat(float64(l.Bandwidth)/1e3, 'f', -1, 64)
		parts = append(parts, "bandwidth="+kilobits+"kbit")
	}
	return strings.Join(parts, ",")
}
