package console

import (
	"net/url"
	"slices"
	"testing"

	"github.com/touchstone-iam/touchstone/internal/web"
)

// TestLimitsOfPages gives the parts of pages other limits than AWS's defaults.
func TestLimitsOfPages(t *testing.T) {
	c := credentials{Limits: limits{AccessKeys: 5, Devices: 3}}
	c.Keys.List, c.Devices.List = make([]accessKey, 4), slices.Grow(c.Devices.List, 3)[:2]
	if c.KeysFull() || c.DevicesFull() {
		t.Error("full below the limits")
	}
	c.Keys.List, c.Devices.List = make([]accessKey, 5), c.Devices.List[:3]
	if !c.KeysFull() || !c.DevicesFull() {
		t.Error("not full at the limits")
	}

	f := web.Form{Values: url.Values{"TagKey": {"a", "b", "c"}, "TagValue": {"1", "2", "3"}, "AddTag": {"yes"}}}
	for most, want := range map[int]int{2: 3, 3: 3, 4: 4, 60: 4} {
		if rows := typedTags(&f, most); len(rows) != want {
			t.Errorf("at most %d tags: %d rows, want %d", most, len(rows), want)
		}
	}
}
