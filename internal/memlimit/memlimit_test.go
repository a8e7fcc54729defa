package memlimit

import (
	"testing"
	"testing/fstest"
)

func TestFind(t *testing.T) {
	for name, test := range map[string]struct {
		files map[string]string
		want  int64
	}{
		"no control groups": {nil, 0},
		"version 2": {map[string]string{
			"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/memory.max": "268435456\n",
		}, 256 << 20},
		"version 2, none": {map[string]string{
			"proc/self/cgroup": "0::/a\n", "sys/fs/cgroup/a/memory.max": "max\n",
		}, 0},
		"version 2, a group above has less": {map[string]string{
			"proc/self/cgroup": "0::/a/b\n", "sys/fs/cgroup/a/b/memory.max": "max\n", "sys/fs/cgroup/a/memory.max": "1000\n",
		}, 1000},
		"version 2, a container sees its group as the topmost": {map[string]string{
			"proc/self/cgroup": "0::/docker/1\n", "sys/fs/cgroup/memory.max": "2000\n",
		}, 2000},
		"version 1": {map[string]string{
			"proc/self/cgroup": "5:cpu,cpuacct:/x\n4:memory:/y\n0::/\n",
			"sys/fs/cgroup/memory/y/memory.limit_in_bytes": "3000\n", "sys/fs/cgroup/cpu/x/memory.limit_in_bytes": "1\n",
		}, 3000},
		"version 1, none": {map[string]string{
			"proc/self/cgroup": "4:memory:/y\n", "sys/fs/cgroup/memory/y/memory.limit_in_bytes": "9223372036854771712\n",
		}, 0},
		"not a number": {map[string]string{"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/memory.max": "much\n"}, 0},
	} {
		files := fstest.MapFS{}
		for file, text := range test.files {
			files[file] = &fstest.MapFile{Data: []byte(text)}
		}
		if got := find(files); got != test.want {
			t.Errorf("%s: %d, want %d", name, got, test.want)
		}
	}
}

func TestGrowth(t *testing.T) {
	for inUse, want := range map[uint64]int{0: 400, 4 << 20: 400, 16 << 20: 200, 32 << 20: 100, 1 << 30: 100} {
		if got := growth(inUse); got != want {
			t.Errorf("%d MiB in use: %d, want %d", inUse>>20, got, want)
		}
	}
}
