package store

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestLocksAreTakenInOneOrder(t *testing.T) {
	got := Join(
		ThrottleSlots(9, 2, 9), SessionRow("2", "s"), PrincipalRow("1", "p"), CeremonyRow("2", []byte("c")),
		Accounts("3", "1"), Raise("2"), Raise("1"), Installation(), Raise("1"),
	).ordered()

	want := []lockRow{
		{kind: lockInstallation},
		{kind: lockRaise, account: "1"},
		{kind: lockRaise, account: "2"},
		{kind: lockAccount, account: "3"},
		{kind: lockPrincipal, account: "1", key: "p"},
		{kind: lockSession, account: "2", key: "s"},
		{kind: lockCeremony, account: "2", key: "c"},
		{kind: lockThrottle, slot: 2},
		{kind: lockThrottle, slot: 9},
	}

	if diff := cmp.Diff(want, got, cmp.AllowUnexported(lockRow{})); diff != "" {
		t.Errorf("order of locks (-want +got):\n%s", diff)
	}
}
