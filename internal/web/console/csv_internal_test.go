package console

import "testing"

func TestInert(t *testing.T) {
	for cell, want := range map[string]string{
		"": "", "alice": "alice", "=1+1": "'=1+1", "+1": "'+1", "-1": "'-1", "@SUM(A1)": "'@SUM(A1)", "\t=1": "'\t=1", "a=1": "a=1",
	} {
		if got := inert(cell); got != want {
			t.Errorf("inert(%q) = %q", cell, got)
		}
	}
}
