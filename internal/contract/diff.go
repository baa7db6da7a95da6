package contract

import (
	"fmt"
	"strings"
)

// Diff shows what differs between two texts, in lines with "-" for the first, "+" for the second
// and " " for up to three lines around. It is "" if they are the same.
func Diff(first, second string) string {
	if first == second {
		return ""
	}
	a, b := strings.SplitAfter(first, "\n"), strings.SplitAfter(second, "\n")
	script := compare(a, b)
	keep := make([]bool, len(script))
	for i, l := range script {
		if l[0] == ' ' {
			continue
		}
		for j := max(0, i-3); j < min(len(script), i+4); j++ {
			keep[j] = true
		}
	}
	var out strings.Builder
	line := 1
	for i, l := range script {
		if keep[i] && (i == 0 || !keep[i-1]) {
			fmt.Fprintf(&out, "@@ line %d @@\n", line)
		}
		if keep[i] {
			out.WriteString(l)
			if !strings.HasSuffix(l, "\n") {
				out.WriteString("\n")
			}
		}
		if l[0] != '+' {
			line++
		}
	}
	return out.String()
}

// compare lists the lines of both texts, each with its mark, by their longest common subsequence.
func compare(a, b []string) (script []string) {
	start := 0
	for start < len(a) && start < len(b) && a[start] == b[start] {
		script = append(script, " "+a[start])
		start++
	}
	end := 0
	for end < len(a)-start && end < len(b)-start && a[len(a)-1-end] == b[len(b)-1-end] {
		end++
	}
	script = append(script, middle(a[start:len(a)-end], b[start:len(b)-end])...)
	for _, l := range a[len(a)-end:] {
		script = append(script, " "+l)
	}
	return script
}

// middle is compare for texts that begin and end differently.
func middle(a, b []string) (script []string) {
	common := make([][]int, len(a)+1) // of what follows
	for i := range common {
		common[i] = make([]int, len(b)+1)
	}
	for i := len(a) - 1; i >= 0; i-- {
		for j := len(b) - 1; j >= 0; j-- {
			if common[i][j] = max(common[i+1][j], common[i][j+1]); a[i] == b[j] {
				common[i][j] = common[i+1][j+1] + 1
			}
		}
	}
	i, j := 0, 0
	for i < len(a) || j < len(b) {
		switch {
		case i < len(a) && j < len(b) && a[i] == b[j]:
			script = append(script, " "+a[i])
			i, j = i+1, j+1
		case j == len(b) || i < len(a) && common[i+1][j] >= common[i][j+1]:
			script = append(script, "-"+a[i])
			i++
		default:
			script = append(script, "+"+b[j])
			j++
		}
	}
	return script
}
